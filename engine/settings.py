"""Settings of the process, from the environment: one that matters, ``DRIPLINE_DB``."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from engine.terms import parse_duration

DEFAULT_DB = "sqlite:///dripline.db"


def _age(said: Any) -> Any:
    return (parse_duration(said) if said else None) if isinstance(said, str) else said


Age = Annotated[timedelta | None, BeforeValidator(_age)]
"""A duration as flows write it, such as 400d; empty for no end."""


class Settings(BaseSettings):
    """What a process is told from outside; everything else lives in the workspace."""

    model_config = SettingsConfigDict(env_prefix="DRIPLINE_", extra="ignore", frozen=True)

    db: str = Field(DEFAULT_DB, description="Database: sqlite:///FILE or postgresql+psycopg://USER@HOST/NAME.")
    base_url: str = Field("http://127.0.0.1:8000", description="Public address of this server, for links in messages.")
    secret: str = Field("", description="Key that signs links; made once and kept in the database when empty.")
    smtp_url: str = Field(
        "", description="Mail server, smtp://USER:PASSWORD@HOST:PORT or smtps://…; empty: the built-in inbox."
    )
    mail_from: str = Field("Dripline <no-reply@localhost>", description="Sender of mail whose node names none.")
    log_level: str = Field("INFO", description="Lowest level that is logged.")
    keep_journal: Age = Field(None, description="How long steps are kept after their enrollment ended, such as 400d.")
    keep_events: Age = Field(None, description="How long events are kept that nothing asks for any more, such as 400d.")
    archive: Path | None = Field(None, description="Folder where such steps and events are written before they go.")

"""The collector of cycles in a process that lives long."""

import gc


def calm_collector() -> None:
    """Let the collector of cycles leave alone what is there now and look less often: pages and waves wait for it."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)

"""Sample contacts for the demo, with names as one meets them in China and elsewhere; the same for the same seed."""

import random
from collections.abc import Iterator
from typing import Final

from engine.people.contacts import ContactRow
from engine.terms import Micros

_SURNAMES: Final = (
    "王 wang,李 li,张 zhang,刘 liu,陈 chen,杨 yang,黄 huang,赵 zhao,吴 wu,周 zhou,徐 xu,孙 sun,马 ma,朱 zhu,胡 hu,"
    "林 lin,郭 guo,何 he,高 gao,罗 luo,郑 zheng,梁 liang,谢 xie,宋 song,唐 tang,许 xu,邓 deng,冯 feng,韩 han,曹 cao"
)
_GIVEN: Final = (
    "伟 wei,芳 fang,娜 na,敏 min,静 jing,丽 li,强 qiang,磊 lei,洋 yang,艳 yan,勇 yong,军 jun,杰 jie,涛 tao,明 ming,"
    "超 chao,霞 xia,平 ping,鹏 peng,婷 ting,浩然 haoran,雨桐 yutong,欣怡 xinyi,宇轩 yuxuan,思远 siyuan,晓彤 xiaotong,"
    "嘉怡 jiayi,子墨 zimo,梓涵 zihan,俊杰 junjie,建国 jianguo,志强 zhiqiang,海燕 haiyan,文博 wenbo,若曦 ruoxi"
)
_COMPANIES: Final = (
    "晨光软件,华锐制造,云帆科技,青松纸业,启明教育,瑞丰贸易,蓝海物流,恒信会计,星河设计,万合医疗,嘉禾农业,远见咨询"
)
_TITLES: Final = "市场总监,运营经理,产品经理,销售总监,创始人,市场专员,办公室主任,总经理,人事经理,采购主管"
_ABROAD: Final = (
    ("en-GB", "Europe/London", "Oliver Amelia Harry Isla George Ava", "Clarke Patel Wright Hughes Murphy Shah"),
    ("en-US", "America/New_York", "Maya Ethan Grace Noah Zoe Caleb", "Johnson Rivera Nguyen Brooks Cohen Bailey"),
    ("en-US", "America/Los_Angeles", "Leo Nora Owen Priya Sam Tess", "Kim Lopez Foster Singh Reyes Ward"),
    ("de", "Europe/Berlin", "Lena Jonas Greta Felix Mila Anton", "Schneider Vogel Krause Brandt Lorenz Yilmaz"),
    ("fr", "Europe/Paris", "Camille Hugo Louise Jules Inès Théo", "Moreau Girard Lefèvre Rousseau Diallo Mercier"),
    ("es", "America/Mexico_City", "Sofía Mateo Valeria Diego Lucía Bruno", "Hernández Vega Ortiz Salazar Castillo"),
    ("pt-BR", "America/Sao_Paulo", "Beatriz Rafael Larissa Thiago Júlia Caio", "Almeida Barbosa Teixeira Moraes Pinto"),
    ("ja", "Asia/Tokyo", "Haruka Sota Yui Ren Aoi Kaito", "Nakamura Kobayashi Fujita Mori Okada Ishii"),
    ("hi", "Asia/Kolkata", "Ananya Arjun Kavya Rohan Meera Dev", "Sharma Iyer Banerjee Kapoor Reddy Joshi"),
    ("en-AU", "Australia/Sydney", "Ruby Lachlan Matilda Jack Willow Cooper", "Campbell Nolan Fraser Tran Doyle"),
)
_ABROAD_COMPANIES: Final = (
    "Alder & Finch,Bluebrook Labs,Copperline,Driftwood Studio,Elmgate Foods,Fernhill Legal,Graystone"
)
_ABROAD_TITLES: Final = "head of marketing,operations lead,founder,sales director,product manager,vp sales,analyst"
_INDUSTRIES: Final = ("software", "manufacturing", "paper", "education", "finance", "logistics")
_PLAIN: Final = str.maketrans("áàâãäéèêëíîïóôõöúûüñç", "aaaaaeeeeiiioooouuunc")


def sample_contacts(
    first: int, count: int, seed: int, created_from: Micros, created_to: Micros
) -> Iterator[ContactRow]:
    """Make contacts numbered from ``first``, created between two instants."""
    for number in range(first, first + count):
        chance = random.Random(f"dripline sample {seed}/{number}")  # noqa: S311 - sample data, no secret
        created = chance.randrange(created_from, created_to + 1)
        make = _in_china if chance.random() < 0.62 else _abroad
        yield make(chance, number, created)


def manner_of(key: str, seed: int) -> float:
    """Tell from a sample contact's key how it behaves: a number from 0 to 1."""
    return random.Random(f"dripline manner {seed}/{key}").random()  # noqa: S311 - sample data, no secret


def _in_china(chance: random.Random, number: int, created: Micros) -> ContactRow:
    surname, family = chance.choice(_SURNAMES.split(",")).split()
    given, first = chance.choice(_GIVEN.split(",")).split()
    facts = {
        "name": surname + given,
        "title": chance.choice(_TITLES.split(",")),
        "industry": chance.choice(_INDUSTRIES),
    }
    address = f"{first}.{family}{number}@example.com"
    company = chance.choice(_COMPANIES.split(","))
    phone = f"+86138{number:08d}"
    return _row(chance, number, created, facts, address, company, "Asia/Shanghai", "zh-CN", phone)


def _abroad(chance: random.Random, number: int, created: Micros) -> ContactRow:
    locale, timezone, given, families = chance.choice(_ABROAD)
    first, family = chance.choice(given.split()), chance.choice(families.split())
    facts = {
        "name": f"{first} {family}",
        "title": chance.choice(_ABROAD_TITLES.split(",")),
        "industry": chance.choice(_INDUSTRIES),
    }
    address = f"{first}.{family}{number}@example.org".lower().translate(_PLAIN)
    company = chance.choice(_ABROAD_COMPANIES.split(","))
    return _row(chance, number, created, facts, address, company, timezone, locale, None)


def _row(
    chance: random.Random,
    number: int,
    created: Micros,
    facts: dict[str, str],
    address: str,
    company: str,
    timezone: str,
    locale: str,
    phone: str | None,
) -> ContactRow:
    return ContactRow(
        key=f"c{number:05d}",
        email=None if chance.random() < 0.02 else address,
        phone=phone,
        timezone=timezone,
        locale=locale,
        stage=chance.choice(("subscribed", "identified", "mql")),
        account=company,
        tags=("newsletter",) if chance.random() < 0.3 else (),
        attributes=dict(facts),
        created_at=created,
    )

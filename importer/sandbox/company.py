"""A number of leads → the sandbox's company: channels, leads, reward triggers, products. Pure.

Everything is derived from numbers, so that sample files can name it without asking the sandbox:
`sandbox_lead(7)` is the same UUID for ever.
"""

from __future__ import annotations

import functools
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

SANDBOX_API_KEY: Final = "5a4d0b0c-5a4d-4b0c-8a4d-5a4d0b0c5a4d"
"""The only API key that the sandbox accepts. It opens nothing else."""

_NAMESPACE: Final = uuid.UUID("6b1d5f0e-9d0a-5c1e-8f65-0c9a5a4d0b0c")
_FIRST_DAY: Final = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
_FIRST_NAMES: Final = ("Ada", "Jonas", "Mei", "Łukasz", "Fatima", "Zoë", "Kwame", "Inés")
_LAST_NAMES: Final = ("Berg", "Okafor", "Nowak", "García", "Sato", "O'Neill", "Müller")
_FIRMS: Final = (
    "Nordlicht GmbH",
    "Blue Harbour Ltd",
    "Atelier Soleil",
    "Kite & Sons",
    "Öresund AB",
)


@dataclass(frozen=True, slots=True)
class Channel:
    """Where leads are shared; it fixes the currency of every amount."""

    id: str
    title: str
    currency: str


@dataclass(frozen=True, slots=True)
class Trigger:
    """A channel's reward trigger: pays `reward` for each purchase while it is active."""

    id: str
    channel_id: str
    active: bool
    reward: Decimal


@dataclass(frozen=True, slots=True)
class Product:
    """What `create_purchase` may name."""

    id: str
    name: str
    price: Decimal


@dataclass(frozen=True, slots=True)
class Lead:
    """A shared lead, with the fields that Keen's reading actions show."""

    id: str
    channel_id: str
    email: str
    first_name: str
    last_name: str
    phone: str
    company_name: str
    status: str
    created_at: str


@dataclass(frozen=True, slots=True)
class Company:
    """One company with all that its API key opens. Identifiers are lower-case UUIDs."""

    channels: tuple[Channel, ...]
    triggers: tuple[Trigger, ...]
    products: tuple[Product, ...]
    leads: dict[str, Lead]
    """In the order of their creation, oldest first."""

    def triggers_of(self, channel_id: str) -> tuple[Trigger, ...]:
        """Return the channel's active reward triggers: all of them fire unless some are named."""
        return tuple(t for t in self.triggers if t.channel_id == channel_id and t.active)


def sandbox_lead(number: int) -> str:
    """Return the UUID of lead `number` (from 1). It is in the channel `lead_channel(number)`."""
    return _made_of("lead", number)


def sandbox_trigger(number: int) -> str:
    """Return the UUID of reward trigger `number`.

    1 and 2 are active in channel 1, 3 is channel 1's inactive one, 4 is active in channel 2.
    """
    return _made_of("trigger", number)


def sandbox_channel(number: int) -> str:
    """Return the UUID of channel 1 (EUR) or channel 2 (USD)."""
    return _made_of("channel", number)


def sandbox_product(number: int) -> str:
    """Return the UUID of product 1, 2 or 3 of the catalogue."""
    return _made_of("product", number)


def lead_channel(number: int) -> str:
    """Return the channel of lead `number`: every tenth is in channel 2, the others in channel 1."""
    return sandbox_channel(2 if number % 10 == 0 else 1)


@functools.cache
def build_company(leads: int) -> Company:
    """Return the company with leads 1 to `leads`."""
    return Company(
        channels=(
            Channel(sandbox_channel(1), "Referral partners", "EUR"),
            Channel(sandbox_channel(2), "Agencies", "USD"),
        ),
        triggers=(
            Trigger(sandbox_trigger(1), sandbox_channel(1), active=True, reward=Decimal("25.00")),
            Trigger(sandbox_trigger(2), sandbox_channel(1), active=True, reward=Decimal("5.00")),
            Trigger(sandbox_trigger(3), sandbox_channel(1), active=False, reward=Decimal("90.00")),
            Trigger(sandbox_trigger(4), sandbox_channel(2), active=True, reward=Decimal("40.00")),
        ),
        products=(
            Product(sandbox_product(1), "Starter plan", Decimal("49.00")),
            Product(sandbox_product(2), "Team plan", Decimal("199.00")),
            Product(sandbox_product(3), "Onboarding workshop", Decimal("1250.00")),
        ),
        leads={sandbox_lead(number): _lead(number) for number in range(1, leads + 1)},
    )


def _lead(number: int) -> Lead:
    return Lead(
        id=sandbox_lead(number),
        channel_id=lead_channel(number),
        email=f"lead{number}@example.com",
        first_name=_FIRST_NAMES[number % len(_FIRST_NAMES)],
        last_name=_LAST_NAMES[number % len(_LAST_NAMES)],
        phone=f"+49 30 {number:07d}",
        company_name=_FIRMS[number % len(_FIRMS)],
        status="new",
        created_at=(_FIRST_DAY + timedelta(minutes=number)).isoformat(),
    )


def _made_of(kind: str, number: int) -> str:
    return str(uuid.uuid5(_NAMESPACE, f"{kind}:{number}"))

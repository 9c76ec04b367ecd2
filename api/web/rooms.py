"""The rooms of the house, as the navigation shows them: each to those whose key opens it."""

from __future__ import annotations

from dataclasses import dataclass

from api.words import Words

__all__ = ["ROOMS", "Room"]


@dataclass(frozen=True, slots=True)
class Room:
    """One entry of the navigation. `scope`: what a key must hold to see it; `address` is where it begins."""

    address: str
    title: Words
    scope: str


ROOMS: tuple[Room, ...] = (
    Room("/desk", Words("受理", "Desk"), "decisions:write"),
    Room("/cases", Words("我的个案", "My cases"), "decisions:write"),
    Room("/reading", Words("查阅", "Reading room"), "access:read"),
    Room("/orders", Words("工单", "Orders"), "orders:read"),
    Room("/workbench", Words("政策", "Policies"), "catalogue"),
)
"""In the order shown. The first one a key opens is where it arrives after signing in."""

"""Which policies count: a condition of their own and an article, and of those the ones whose sum is published."""

from __future__ import annotations

from engine.language.census import census
from engine.language.rulebook import load_texts, read
from tests.little import ROOT, policy, texts

SUM = "- {id: money, title: {zh: 钱, en: money}, amount: standard, per: month}"
HIDDEN = "- {id: money, title: {zh: 钱, en: money}, amount: standard + hidden, per: month}"
CHOSEN = "- {id: money, title: {zh: 钱, en: money}, amount: 'standard if rent > hidden else 0', per: month}"
OWN = policy("own")
SUMMED = policy("summed", gives=SUM)
UNPUBLISHED = policy("unpublished", gives=HIDDEN)
TESTED = policy("tested", gives=CHOSEN)
FOLLOWER = policy("follower", when="- any_member(counted)\n- qualifies(own)", gives=SUM)
REFERRAL = policy("referral").replace("kind: benefit", "kind: referral")
PAPER = policy("paper").replace("cite: {law: 某条例, article: 第一条}", "cite: {document: 某通知}")
BY_LET = policy("by_let", when="- mine", let="mine: {zh: 我, en: mine, is: rent > standard}")


def test_each_policy_stands_in_its_list() -> None:
    book = load_texts(texts(OWN, SUMMED, UNPUBLISHED, TESTED, FOLLOWER, REFERRAL, PAPER, BY_LET))
    found = census(book)
    assert found.counted == ("own", "summed", "unpublished", "tested", "by_let")
    assert found.followers == ("follower", "referral")
    assert found.no_article == ("paper",)
    assert found.with_sum == ("summed", "tested"), "a figure that only decides between sums need not be published"


def test_the_catalogue_holds_what_was_asked_for() -> None:
    """At least 45 policies with a condition of their own and an article, each text with six examples or more in all."""
    book, problems = read(ROOT)
    assert book is not None and not problems
    found = census(book)
    assert len(found.counted) >= 45
    few = {name: n for name in found.counted if (n := sum(len(p.examples) for p in book.versions(name))) < 6}
    assert few == {}
    assert set(found.counted) | set(found.followers) | set(found.no_article) == set(book.ids())

"""Full text that finds two-character Chinese words: every Han character is a word of its own, and a search
is a phrase.

SQLite's `unicode61` takes a run of Han characters for one word, so 生活 finds nothing; `trigram` needs
three characters.
"""

import re
import unicodedata

__all__ = ["match", "spaced"]

_PIECES = re.compile(r"[\x00-\x7f]+|[^\x00-\x7f]")


def spaced(text: str) -> str:
    """`text` for the index: full-width forms folded, blanks round everything that is not ASCII."""
    return " ".join(_PIECES.findall(unicodedata.normalize("NFKC", text)))


def match(words: str) -> str:
    """The FTS5 expression for what someone typed: each blank-separated part as a phrase, all of them
    required. Empty when there is nothing to look for. Punctuation is passed over, as it is in the index."""
    phrases = []
    for part in words.split():
        tokens = [token for token in re.split(r"\W+", spaced(part)) if token]
        if tokens:
            phrases.append('"' + " ".join(tokens) + '"')
    return " AND ".join(phrases)

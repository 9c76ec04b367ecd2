"""Mutation of the rules: is every word of a rule held by an example?

`wording`   the changes one expression can suffer
`mutants`   the changes one rule file can suffer, each at its node
`patched`   a program with one file changed, without reading the rest of the book again
`trials`    the examples that must notice a change
`known`     the reviewed list of changes that mean the same
`score`     runs the mutants and counts them
"""

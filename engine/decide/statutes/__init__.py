"""Which article of the statutes a rule carries.

`articles`  Chinese article numbers, read and compared
`index`     the hand-kept list of articles that give a right or a condition
`coverage`  the list held against the citations of the rules
"""

"""Pages made from the rules, one for each policy, for people who read law and not YAML.

`markdown`    tables, lists and escaping
`reader`      for whom a page is written
`conditions`, `figures`, `links`, `procedure`, `examples`   the parts of a page, each a function of reader and policy
`policy`      the page of one policy in one language
`folder`      every page with its place in the folder, and what is out of step with it
"""

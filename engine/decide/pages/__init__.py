"""Pages made from the rules, one for each policy, for people who read law and not YAML.

`markdown`  tables, lists and escaping
`sections`  the parts of one policy's page, each a function of the rulebook and the policy
`policy`    the page of one policy in one language
`folder`    every page with its place in the folder, and what is out of step with it
"""

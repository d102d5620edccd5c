"""Reading Inspect's logs: ours and other people's.

`names` says which files are logs and loads no Inspect; `files` opens them, `records` and
`searches` read what they hold, `labels` and `costs` say what a run is called and what a
sample cost.
"""

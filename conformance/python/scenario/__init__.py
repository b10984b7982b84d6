"""Scenarios: declarative files of calls and expected answers, run against any endpoint that speaks Kinesis.

`document` reads YAML and keeps lines; `schema` says what a file may hold; `model` holds it against the API model and
counts what is covered; `values` fills variables in; `match` compares; `target` calls; `run` puts them together.
The format is described in conformance/scenarios/README.md.
"""

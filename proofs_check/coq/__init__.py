"""The theorem and a checker, proved in Coq: the .v files beside this one, and what builds and runs them.

`_CoqProject` lists the files in their order; docs/theorem.md says what each proves.
`python -m subnormal.proofs_check.coq` builds and audits everything.
"""

#!/bin/sh
# Regenerates what comes from GAP 4.12 (packages smallgrp and transgrp): the facts in tests/data and the catalogue, single-threaded,
# under two minutes for each table. After the catalogue, run fingerprints.py, which needs no GAP.
#   tests/generators/run.sh [small_groups|named_groups|semidirect_products|transitive_groups|characters|automata|catalogue ...]
set -eu
cd "$(dirname "$0")"
for table in ${*:-small_groups named_groups semidirect_products transitive_groups characters automata catalogue}; do
    case $table in
        catalogue) target=../../algebra/data/small_groups.txt ;;
        *) target=../data/$table.tsv ;;
    esac
    gap -q common.g "$table.g" </dev/null >"$target"
    case $table in small_groups | transitive_groups | characters) gzip -9nf "$target" ;; esac
done

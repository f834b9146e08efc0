#!/bin/sh
# Regenerates what comes from GAP 4.12 (packages smallgrp and transgrp): the facts in tests/data and the catalogue, single-threaded,
# under two minutes for each table. After the catalogue, run fingerprints.py, which needs no GAP.
# holonomy needs GAP 4.16.1 with its packages semigroups and SgpDec 1.2.0, and is made only when it is named. The first two come by
# pip: passagemath-gap==10.8.13 passagemath-gap-pkg-semigroups==10.8.13; SgpDec is GAP code, in no registry of Python's or Debian's: the tag
# v1.2.0 of its repository gap-packages/sgpdec goes to ROOT/pkg/sgpdec. With PIP=…/site-packages/gap:
#   SGPDEC_GAP="$PIP/gap -A -l $PIP;ROOT" tests/generators/run.sh holonomy
#   tests/generators/run.sh [small_groups|named_groups|semidirect_products|transitive_groups|characters|automata|blocks|catalogue|holonomy|random_groups ...]
set -eu
cd "$(dirname "$0")"
for table in ${*:-small_groups named_groups semidirect_products transitive_groups characters automata blocks catalogue transitive_library forms composition chief_lengths random_groups large_characters}; do
    case $table in
        catalogue) target=../../algebra/groups/data/small_groups.txt ;;
        transitive_library) target=../../algebra/groups/data/transitive_groups.txt ;;
        *) target=../data/$table.tsv ;;
    esac
    case $table in
        holonomy) program=${SGPDEC_GAP:?wanted GAP with SgpDec, see the top of this file} ;;
        *) program=gap ;;
    esac
    $program -q common.g "$table.g" </dev/null >"$target"
    case $table in small_groups | transitive_groups | characters | transitive_library | composition | random_groups) gzip -9nf "$target" ;; esac
done

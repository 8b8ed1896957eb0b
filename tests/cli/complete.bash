#!/usr/bin/env bash
# What bash offers for the last of some words, one a line: complete.bash COMPLETION WORD...
# Words are given as bash splits them: "=" is one of its own.
source "$1"
shift
compopt() { echo "option $*"; }  # only works while bash completes; here it says what it was asked
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_tomestimate
printf '%s\n' "${COMPREPLY[@]}"

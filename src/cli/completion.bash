# Completion of tomestimate for bash: source this file.
_tomestimate() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
  local commands="estimate validate published check what-if sweep merge compare solve pareto
    sensitivity uncertainty parameters import"
  local specs=() word
  for word in "${COMP_WORDS[@]:2}"; do
    if [[ $word == *.toml && -e $word ]]; then specs+=("$word"); fi
  done
  local names=""
  if [[ ($previous == --set || $previous == --vary) && ${#specs[@]} -ge 2 ]]; then
    names=$(tomestimate parameters "${specs[0]}" "${specs[1]}" --names 2> /dev/null)
    if [[ $previous == --set ]]; then
      compopt -o nospace
      names=$(sed 's/$/=/' <<< "$names")
    fi
  elif [[ $previous == --metric && ${#specs[@]} -ge 2 ]]; then
    names=$(tomestimate estimate "${specs[0]}" "${specs[1]}" --table summary --format csv 2> /dev/null |
      tail -n +2 | cut -d, -f1)
  elif [[ $COMP_CWORD == 1 ]]; then
    names=$commands
  elif [[ $current == -* ]]; then
    names=$(tomestimate "${COMP_WORDS[1]}" --help 2> /dev/null | grep -oE -- '--[a-z][a-z-]*')
  fi
  if [[ -n $names ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$names" -- "$current")
  else
    mapfile -t COMPREPLY < <(compgen -f -- "$current")
  fi
}
complete -F _tomestimate tomestimate

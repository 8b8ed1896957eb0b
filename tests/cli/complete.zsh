#!/usr/bin/env -S zsh -f
# What zsh offers at the end of lines: complete.zsh COMPLETION LINE...
# Prints "> LINE" for each, then the words, one a line.
# Completion only works in the line editor, so an interactive zsh is started on a pseudo-terminal, with
# a compadd that notes what it is given, and the tab key is pressed.
zmodload zsh/zpty
setup=$(mktemp)
found=$(mktemp)
trap 'rm -f $setup $found' EXIT
cat > $setup <<SETUP
PROMPT=
autoload -Uz compinit
compinit -u -D
setopt no_auto_list no_auto_menu
source ${(q)1}
compadd() {
  # -O, -A and -D only ask what would match.
  if [[ " \${(j: :)@} " != *' '-[OAD]' '* ]]; then
    local -a offered
    builtin compadd -O offered "\$@"
    print -rl -- \$offered >> ${(q)found}
  fi
  builtin compadd "\$@"
}
finish() {
  comppostfuncs=(finish)  # they are for one completion only
  print "the ""end"
}
comppostfuncs=(finish)
bindkey '^I' complete-word
print "set ""up"
SETUP
zpty shell zsh -f -i
zpty -w shell "source ${(q)setup}"
zpty -r shell output '*set up*'
for line in "${@[2,-1]}"; do
  : > $found
  zpty -w -n shell $'\x15'$line$'\t'  # Ctrl-U clears what the line before left
  zpty -r shell output '*the end*'
  print -r -- "> $line"
  grep . $found | sort -u
done
zpty -d shell

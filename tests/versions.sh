#!/usr/bin/env bash
# The whole suite on each Python that is declared, where it can be found, and once on the newest torch that the range admits.
# Each has an environment of its own, .venv-NAME, which is kept; the last lines say what ran and what did not.
set -u
cd "$(dirname "$0")/.."
verdicts=()
failed=0

find_python() { # a Python of version $1: on the path or among pyenv's, whose shims answer for versions that are not switched on
  local candidate
  for candidate in "python$1" "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$1".*/bin/python; do
    if "$candidate" -c "import sys; sys.exit('%d.%d' % sys.version_info[:2] != '$1')" 2>/dev/null; then
      command -v "$candidate"
      return
    fi
  done
}

suite() { # name, Python, constraints
  echo "== $1: $("$2" --version)"
  if make --no-print-directory test "VENV=.venv-$1" "PYTHON=$2" "CONSTRAINTS=$3"; then
    verdicts+=("$1: passed with torch $(.venv-"$1"/bin/python -c 'import torch; print(torch.__version__)')")
  else
    verdicts+=("$1: FAILED")
    failed=1
  fi
}

versions=${*:-3.11 3.12 3.13 newest}
for version in $versions; do
  if [ "$version" = newest ]; then
    python=$(find_python 3.11)
    python=${python:-$(find_python 3.12)}
    python=${python:-$(find_python 3.13)}
  else
    python=$(find_python "$version")
  fi
  if [ -z "$python" ]; then
    verdicts+=("$version: skipped, no such Python on the path or among pyenv's versions")
  elif [ "$version" = newest ]; then
    grep -vE '^(torch|triton|nvidia-|cuda-)' constraints.txt > .venv-newest-constraints.new
    cmp -s .venv-newest-constraints.new .venv-newest-constraints || cp .venv-newest-constraints.new .venv-newest-constraints
    suite newest "$python" .venv-newest-constraints
  else
    suite "$version" "$python" constraints.txt
  fi
done
printf '%s\n' "${verdicts[@]}"
exit $failed

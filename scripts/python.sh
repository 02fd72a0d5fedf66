# Sourced by the launchers: sets $root (the checkout) and $python (any Python 3; scripts/bootstrap.py looks for the right one).
root=$(CDPATH='' cd -- "$(dirname -- "$(readlink -f -- "$0")")/.." && pwd -P)
python=
for name in "$root/.venv/bin/python" python3 python3.13 python3.12 python3.11; do
    if command -v "$name" >/dev/null 2>&1 && "$name" -I -S -c 'import sys; sys.exit(sys.version_info < (3, 7))' >/dev/null 2>&1; then
        python=$name
        break
    fi
done
if [ -z "$python" ]; then
    echo "exos: exos needs Python 3.11 or newer, and there is no python3 on the PATH." >&2
    exit 1
fi
bootstrap() {
    "$python" -I -S "$root/scripts/bootstrap.py" "$@"
}

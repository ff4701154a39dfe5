#!/usr/bin/env bash
# Formats all C and C++ by .clang-format, with clang-format 14: other versions format differently. With --check it changes
# nothing, and fails where something would be changed.
set -euo pipefail
cd "$(dirname "$0")/.."
how=(-i)
case ${1-} in
'') ;;
--check) how=(--dry-run --Werror) ;;
*) echo "format.sh: unknown option $1; expected nothing, or --check" >&2; exit 2 ;;
esac
command -v clang-format-14 >/dev/null || { echo "format.sh: no clang-format-14; run scripts/setup.sh --dev" >&2; exit 1; }

git ls-files -z --cached --others --exclude-standard '*.c' '*.h' '*.cc' '*.cpp' | xargs -0r clang-format-14 "${how[@]}"

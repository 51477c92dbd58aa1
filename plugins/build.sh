#!/bin/sh
# Builds every guest: core modules into TARGET_DIR/wasm32-unknown-unknown/release (default: plugins/target).
#   plugins/build.sh [TARGET_DIR] [cargo arguments, such as -p fraud-score]
# Then `weir plugin build CORE.wasm -o PLUGIN.wasm` makes components of them.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
repository=$(dirname "$here")
target=${1:-$here/target}
[ $# -eq 0 ] || shift
cd "$here"

# Paths of this machine stay out of the components. The threshold makes parsers a third faster.
# Separated by 0x1f, since paths may hold spaces.
CARGO_ENCODED_RUSTFLAGS=$(printf '%s\037%s\037%s\037%s' "-Ctarget-feature=+simd128" "-Cllvm-args=-inline-threshold=900" \
    "--remap-path-prefix=$repository=." "--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=cargo")
export CARGO_ENCODED_RUSTFLAGS
export CARGO_INCREMENTAL=0
unset CARGO_TARGET_DIR RUSTFLAGS

build() {
    cargo build --release --locked --target wasm32-unknown-unknown --target-dir "$target" "$@"
}

if [ -e "$(rustc --print target-libdir --target wasm32-unknown-unknown 2>/dev/null)" ]; then
    build "$@"
elif [ -e /usr/lib/rustlib/src/rust/library/std ] && command -v wasm-ld-19 >/dev/null && /usr/bin/rustc --version >/dev/null 2>&1; then
    # Debian's rustc-web: no standard library for wasm32 comes with it, so it is built along.
    export RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1
    CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=$(command -v wasm-ld-19)
    export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER
    build -Zbuild-std=std,panic_abort "$@"
else
    cat >&2 <<'MISSING'
There is no Rust for wasm32 here. With rustup:
    rustup target add wasm32-unknown-unknown
On Debian or Ubuntu without it:
    apt-get install -y --no-install-recommends rustc-web rust-web-src rust-web-llvm lld-19
MISSING
    exit 69
fi

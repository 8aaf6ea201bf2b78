#!/bin/sh
# Builds ggml's CPU back end for newer processors, from the sources of the xllamacpp that PYTHON has, as the wheel
# voicecli-llama-cpu of the same version in FOLDER: build-llama-cpu.sh PYTHON FOLDER [VARIANT...]
# Without a variant (voicecli/engines/llm/processor.py) it is the one for this processor, which takes a minute.
# OpenMP is needed: the threads of a build without it spin, and beside a busy voice write one tenth as fast.
set -eu
python=$1
folder=$2
shift 2
host="from voicecli.engines.llm.cpu_backend import this_host; print(this_host().variant or '')"
variants=${*:-$($python -c "$host")}
if [ -z "$variants" ]; then
    echo "xllamacpp's own build suits this processor: there is none that is faster." >&2
    exit 0
fi
version=$($python -c "from importlib.metadata import version; print(version('xllamacpp'))")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
$python -m pip download --quiet --disable-pip-version-check --no-deps --no-binary xllamacpp --dest "$work" "xllamacpp==$version"
tar xzf "$work/xllamacpp-$version.tar.gz" -C "$work"
ggml="$work/xllamacpp-$version/thirdparty/llama.cpp/ggml"
touch "$ggml/ggml.pc.in" # not in the archive; only an installation needs it
cmake -S "$ggml" -B "$work/build" -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=ON -DGGML_BACKEND_DL=ON \
    -DGGML_CPU_ALL_VARIANTS=ON -DGGML_NATIVE=OFF -DGGML_OPENMP=ON -DGGML_BUILD_TESTS=OFF -DGGML_BUILD_EXAMPLES=OFF \
    -DCMAKE_BUILD_WITH_INSTALL_RPATH=ON -DCMAKE_INSTALL_RPATH='$ORIGIN' >"$work/log" || { cat "$work/log" >&2; exit 1; }
package="$work/wheel/voicecli_llama_cpu"
mkdir -p "$package"
for variant in $variants; do
    echo "Building ggml $version for $variant" >&2
    cmake --build "$work/build" --parallel --target "ggml-cpu-$variant" >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
    cp "$work/build/bin/libggml-cpu-$variant.so" "$package"
done
cp -L "$(find "$work/build" -name 'libggml-base.so.0')" "$package"
cp "$work/xllamacpp-$version/thirdparty/llama.cpp/LICENSE" "$work/wheel"
echo '"""Builds of the CPU back end of ggml, for the llama.cpp inside xllamacpp of the same version."""' >"$package/__init__.py"
cat >"$work/wheel/pyproject.toml" <<END
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"
[project]
name = "voicecli-llama-cpu"
version = "$version"
description = "llama.cpp for AVX-512, VNNI and AMX, loaded by voicecli"
license = "MIT"
license-files = ["LICENSE"]
[tool.setuptools]
packages = ["voicecli_llama_cpu"]
[tool.setuptools.package-data]
voicecli_llama_cpu = ["*.so", "*.so.0"]
END
$python -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir "$folder" "$work/wheel"
echo "$folder/voicecli_llama_cpu-$version-py3-none-any.whl"

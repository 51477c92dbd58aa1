//! C, and C++ without exceptions: clang with wasi-libc, or zig, which brings its own; the adapter answers the libc.

use std::path::{Path, PathBuf};

use super::super::manifest::OWN;
use super::super::scaffold::SDK;
use super::super::tools::{Step, Toolbox, missing};
use super::super::{Error, Project};
use super::{Made, relative};

/// What brings it.
const INSTALL: [&str; 2] = [
    "apt-get install -y --no-install-recommends clang-19 lld-19 wasi-libc libclang-rt-19-dev-wasm32   (Debian, Ubuntu)",
    "pip install ziglang==0.17.1   (brings `python-zig`; or zig itself from https://ziglang.org/download)",
];
const CLANGS: [&str; 6] = ["clang-19", "clang-20", "clang-21", "clang-22", "clang-18", "clang"];
const ZIGS: [&str; 2] = ["zig", "python-zig"];
const SOURCES: [&str; 4] = ["c", "cc", "cpp", "cxx"];

/// A compiler that can make WebAssembly with a libc.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum Compiler {
    /// clang, and its linker.
    Clang(String, PathBuf),
    /// zig's clang.
    Zig(&'static str),
}

impl Compiler {
    /// The first that is whole: `$WASI_SDK_PATH`, a clang, zig. What a clang lacks is said when nothing else is there.
    pub(in super::super) fn find(tools: &Toolbox) -> Result<Compiler, Error> {
        let mut lacking = None;
        let sdk = std::env::var("WASI_SDK_PATH").ok().map(|sdk| format!("{sdk}/bin/clang"));
        for clang in sdk.into_iter().chain(CLANGS.map(str::to_owned)).filter(|clang| tools.find(clang).is_some()) {
            match whole(tools, &clang) {
                Ok(linker) => return Ok(Compiler::Clang(clang, linker)),
                Err(what) => lacking = lacking.or(Some(format!("`{clang}` is there, but {what}"))),
            }
        }
        if let Some(zig) = tools.first(&ZIGS) {
            return Ok(Compiler::Zig(zig));
        }
        let none = || "no C compiler for WebAssembly is there: neither clang nor zig".to_owned();
        Err(missing(lacking.unwrap_or_else(none), &INSTALL))
    }

    /// Its command's name.
    pub(in super::super) fn name(&self) -> &str {
        match self {
            Compiler::Clang(clang, _) => clang,
            Compiler::Zig(zig) => zig,
        }
    }

    pub(in super::super) fn version(&self, tools: &Toolbox) -> String {
        let asked = match self {
            Compiler::Clang(clang, _) => tools.step(clang, Path::new("/")).arg("--version").ask(),
            Compiler::Zig(zig) => tools.step(*zig, Path::new("/")).arg("version").ask().map(|version| format!("zig {version}")),
        };
        asked.and_then(|answer| answer.lines().next().map(str::to_owned)).unwrap_or_default()
    }

    fn step(&self, project: &Project, tools: &Toolbox) -> Step {
        match self {
            Compiler::Clang(clang, linker) => {
                let step = tools.step(clang, &project.directory);
                step.args(["--target=wasm32-wasi", "-O2", "-mexec-model=reactor", "-Wl,--strip-debug"])
                    .arg(format!("-fuse-ld={}", linker.display()))
            }
            Compiler::Zig(zig) => {
                tools.step(*zig, &project.directory).args(["cc", "--target=wasm32-wasi", "-O2", "-s", "-mexec-model=reactor"])
            }
        }
    }
}

/// A clang's linker, or what the clang lacks.
fn whole(tools: &Toolbox, clang: &str) -> Result<PathBuf, &'static str> {
    let ask = |what: &str| tools.step(clang, Path::new("/")).args(["--target=wasm32-wasi", what]).ask().unwrap_or_default();
    // `clang-19` has `wasm-ld-19`; the SDK's has one beside it.
    let beside = clang.replace("clang", "wasm-ld");
    let linker =
        [beside.as_str(), "wasm-ld-19", "wasm-ld"].into_iter().find_map(|name| tools.find(name)).ok_or("its linker `wasm-ld` is not")?;
    let found = |answer: String| Path::new(&answer).is_file();
    if !found(ask("-print-file-name=libc.a")) {
        return Err("the C library for WebAssembly, wasi-libc, is not");
    }
    if !found(ask("-print-libgcc-file-name")) {
        return Err("its runtime for WebAssembly, libclang_rt.builtins, is not");
    }
    Ok(linker)
}

pub(super) fn make(project: &Project, scratch: &Path, tools: &Toolbox) -> Result<Made, Error> {
    let Some(own) = project.own()? else {
        return Err(project.wrong(OWN, "it is not there"));
    };
    let identity = project.identity(OWN, &own.name, &own.version)?;
    let sources = if own.sources.is_empty() { sources(project)? } else { own.sources };
    let include = if own.include.is_empty() { vec![format!("{SDK}/include")] } else { own.include };
    let compiler = Compiler::find(tools)?;
    let module = scratch.join(".core.wasm");
    let step = compiler.step(project, tools).args(include.iter().map(|directory| format!("-I{directory}")));
    // Nothing of this machine's paths gets into the module by __FILE__.
    let step = step.args(&own.flags).arg(format!("-ffile-prefix-map={}=.", project.directory.display())).args(&sources);
    step.arg("-o").arg(relative(project, &module)).run()?;
    Ok(Made { module, identity, toolchain: compiler.version(tools) })
}

/// Those beside the manifest and in `src`, and the SDK's, which is one file to compile.
fn sources(project: &Project) -> Result<Vec<String>, Error> {
    let mut sources: Vec<String> = ["", "src"].into_iter().flat_map(|directory| in_directory(project, directory)).collect();
    if sources.is_empty() {
        return Err(project.wrong(OWN, "there is no C file beside it or in src, and `sources` names none"));
    }
    let sdk = format!("{SDK}/src/weir.c");
    if !project.directory.join(&sdk).is_file() {
        let reason = format!("{sdk} is not there, where `weir plugin new` puts it; `sources` and `include` can name another place");
        return Err(project.wrong(OWN, reason));
    }
    sources.push(sdk);
    Ok(sources)
}

/// The sources of a directory, tests left out.
fn in_directory(project: &Project, directory: &str) -> Vec<String> {
    let mut sources = Vec::new();
    let entries = std::fs::read_dir(project.directory.join(directory)).into_iter().flatten();
    for entry in entries.filter_map(Result::ok) {
        let file = Path::new(directory).join(entry.file_name());
        let is_source = file.extension().is_some_and(|extension| SOURCES.iter().any(|known| extension == *known));
        let stem = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if is_source && !stem.ends_with("_test") && !stem.starts_with("test_") && stem != "test" {
            sources.push(file.display().to_string());
        }
    }
    sources.sort();
    sources
}

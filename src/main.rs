//! The `emc2` command: words in, exit code out. All of it lives in [`emc2::cli`].

fn main() -> std::process::ExitCode {
    emc2::cli::main()
}

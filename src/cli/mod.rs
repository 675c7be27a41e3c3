//! The command line: words become calls. One file a command, no logic that the library lacks.
#![allow(clippy::print_stdout, clippy::print_stderr, missing_docs)]

/// As `println!`, but a standard output that cannot be written is no panic: see [`exit::say`].
macro_rules! sayln {
    () => { $crate::cli::exit::say("\n") };
    ($($text:tt)*) => { $crate::cli::exit::say(&(format!($($text)*) + "\n")) };
}

mod args;
mod args_compare;
mod args_eval;
mod compare;
mod demo;
mod doctor;
mod eval;
mod exit;
mod interrupt;
mod judge;
mod logging;
mod model;
mod progress;
mod rig;
mod run;
mod settings;
mod source;
mod submission;
mod synth;
mod workers;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};

use args::{Cli, Command};
use exit::Exit;

/// Parses the words of the command line, does what they say, and gives the exit code.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let _logs = match logging::start(cli.log, cli.trace.as_deref()) {
        Ok(guard) => guard,
        Err(error) => return exit::report(&error, Exit::Usage),
    };
    let done = match cli.command {
        Command::Run(args) => run::run(&args),
        Command::Eval(command) => eval::eval(&command),
        Command::Compare(args) => compare::compare(&args),
        Command::Report(args) => compare::report(&args),
        Command::Demo(args) => demo::demo(&args),
        Command::Synth(args) => synth::synth(&args),
        Command::Model(command) => model::model(&command),
        Command::Doctor(args) => doctor::doctor(&args),
        Command::Rig(args) => rig::rig(&args),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "emc2", &mut std::io::stdout());
            Ok(Exit::Good)
        }
        Command::Config(args) => settings::print(&args),
    };
    match done {
        Ok(exit) => exit::said(exit).into(),
        Err(error) => exit::report(&error, exit::code_of(&error)),
    }
}

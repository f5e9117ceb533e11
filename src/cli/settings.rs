//! Every setting as a flag of every command, but for secrets, which are no arguments.

use std::path::PathBuf;

use clap::{Arg, ArgMatches, Args, Command, FromArgMatches, ValueHint};

use super::Failure;
use crate::config::{PREFIX, SETTINGS, Setting, Sources};

/// What the flags said.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    config_file: Option<PathBuf>,
    flags: Vec<(&'static str, String)>,
}

impl Settings {
    /// Flags, environment and configuration file, merged.
    ///
    /// # Errors
    /// What cannot be read, or is no setting.
    pub fn sources(&self) -> Result<Sources, Failure> {
        // A variable that is not text is not one of ours, or an error of its own.
        let environment = std::env::vars_os().filter_map(|(name, text)| {
            Some((name.into_string().ok()?, text.to_string_lossy().into_owned()))
        });
        Ok(Sources::gather(&self.flags, self.config_file.as_deref(), environment)?)
    }
}

impl Args for Settings {
    fn augment_args(command: Command) -> Command {
        let file = Arg::new("config-file")
            .long("config")
            .value_name("FILE")
            .global(true)
            .value_hint(ValueHint::FilePath)
            .help(format!("TOML file with settings [env: {PREFIX}CONFIG]"));
        SETTINGS
            .iter()
            .filter(|setting| !setting.secret)
            .map(flag)
            .fold(command.arg(file.help_heading("Settings")), Command::arg)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Settings {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let said = |setting: &Setting| matches.get_one::<String>(&id(setting)).cloned();
        Ok(Self {
            config_file: matches.get_one::<String>("config-file").map(PathBuf::from),
            flags: SETTINGS
                .iter()
                .filter(|setting| !setting.secret)
                .filter_map(|setting| Some((setting.key, said(setting)?)))
                .collect(),
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// The arguments of commands have names of their own, `resource` among them.
fn id(setting: &Setting) -> String {
    format!("setting {}", setting.key)
}

/// Hidden from `-h`, shown by `--help`: there are many.
fn flag(setting: &'static Setting) -> Arg {
    let default = match setting.default {
        "" => String::new(),
        default => format!(" [default: {default}]"),
    };
    Arg::new(id(setting))
        .long(setting.flag())
        .value_name(setting.key.to_ascii_uppercase())
        .global(true)
        .hide_short_help(!matches!(setting.key, "db" | "issuer" | "listen"))
        .help_heading("Settings")
        .help(format!("{} [env: {}]{default}", setting.help, setting.variable()))
}

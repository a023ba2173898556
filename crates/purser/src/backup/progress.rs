//! How far a long command is: a bar on a terminal, plain lines elsewhere.

use std::io::IsTerminal as _;

use indicatif::{ProgressBar, ProgressStyle};
use purser_kit::console::Progress as Shared;

/// Says how far something is, to standard error.
pub(crate) struct BackupProgress {
    voice: ProgressOutput,
}

enum ProgressOutput {
    Silent,
    Shared(Shared),
    Lines,
    Bar(ProgressBar),
}

impl BackupProgress {
    /// For whoever looks in the console.
    pub(crate) fn shared(shared: Shared) -> Self {
        BackupProgress { voice: ProgressOutput::Shared(shared) }
    }

    /// Says nothing: for scripts.
    pub(crate) fn silent() -> Self {
        BackupProgress { voice: ProgressOutput::Silent }
    }

    /// For whoever sits before it.
    pub(crate) fn visible() -> Self {
        let terminal = std::io::stderr().is_terminal();
        BackupProgress {
            voice: if terminal { ProgressOutput::Bar(ProgressBar::hidden()) } else { ProgressOutput::Lines },
        }
    }

    /// Begins something of `total` steps; with 0 it is not known how many.
    pub(crate) fn phase(&mut self, what: &str, total: u64) {
        match &mut self.voice {
            ProgressOutput::Silent => {}
            ProgressOutput::Shared(shared) => shared.phase(&sentence(what), total),
            ProgressOutput::Lines => eprintln!("{what}"),
            ProgressOutput::Bar(bar) => {
                bar.finish_and_clear();
                *bar = ProgressBar::new(total).with_style(style(total)).with_message(what.to_owned());
            }
        }
    }

    /// So many steps are done.
    pub(crate) fn at(&self, done: u64) {
        match &self.voice {
            ProgressOutput::Bar(bar) => bar.set_position(done),
            ProgressOutput::Shared(shared) => shared.at(done),
            ProgressOutput::Silent | ProgressOutput::Lines => {}
        }
    }

    /// Ends it.
    pub(crate) fn done(&self) {
        match &self.voice {
            ProgressOutput::Bar(bar) => bar.finish_and_clear(),
            ProgressOutput::Shared(shared) => shared.phase("", 0),
            ProgressOutput::Silent | ProgressOutput::Lines => {}
        }
    }
}

/// The same with a large letter before it.
fn sentence(what: &str) -> String {
    let mut letters = what.chars();
    letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
}

fn style(total: u64) -> ProgressStyle {
    let form = if total == 0 { "{spinner} {msg}" } else { "{msg:32} [{bar:40}] {percent:>3} %  {eta}" };
    ProgressStyle::with_template(form).unwrap_or_else(|_| ProgressStyle::default_bar())
}

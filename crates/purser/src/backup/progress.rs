//! How far a long command is: a bar on a terminal, plain lines elsewhere.

use std::io::IsTerminal as _;

use indicatif::{ProgressBar, ProgressStyle};

/// Says how far something is, to standard error.
pub(crate) struct Progress {
    voice: Voice,
}

enum Voice {
    Silent,
    Lines,
    Bar(ProgressBar),
}

impl Progress {
    /// Says nothing: for jobs and scripts.
    pub(crate) fn silent() -> Self {
        Progress { voice: Voice::Silent }
    }

    /// For whoever sits before it.
    pub(crate) fn visible() -> Self {
        let terminal = std::io::stderr().is_terminal();
        Progress { voice: if terminal { Voice::Bar(ProgressBar::hidden()) } else { Voice::Lines } }
    }

    /// Begins something of `total` steps; with 0 it is not known how many.
    pub(crate) fn phase(&mut self, what: &str, total: u64) {
        match &mut self.voice {
            Voice::Silent => {}
            Voice::Lines => eprintln!("{what}"),
            Voice::Bar(bar) => {
                bar.finish_and_clear();
                *bar = ProgressBar::new(total).with_style(style(total)).with_message(what.to_owned());
            }
        }
    }

    /// So many steps are done.
    pub(crate) fn at(&self, done: u64) {
        if let Voice::Bar(bar) = &self.voice {
            bar.set_position(done);
        }
    }

    /// Ends it.
    pub(crate) fn done(&self) {
        if let Voice::Bar(bar) = &self.voice {
            bar.finish_and_clear();
        }
    }
}

fn style(total: u64) -> ProgressStyle {
    let form = if total == 0 { "{spinner} {msg}" } else { "{msg:32} [{bar:40}] {percent:>3} %  {eta}" };
    ProgressStyle::with_template(form).unwrap_or_else(|_| ProgressStyle::default_bar())
}

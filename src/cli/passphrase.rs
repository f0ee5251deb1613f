//! Asking for a passphrase: on the terminal, without showing what is typed, or through the program that ssh would ask with.

use std::io;
use std::process::{Command, Stdio};
use zeroize::Zeroizing;

/// Asks for a passphrase; `None` if there is nobody to ask.
pub(super) fn ask(prompt: &str) -> Option<io::Result<Zeroizing<String>>> {
    on_the_terminal(prompt).or_else(|| Some(by_a_program(&std::env::var_os("SSH_ASKPASS")?, prompt)))
}

#[cfg(unix)]
fn on_the_terminal(prompt: &str) -> Option<io::Result<Zeroizing<String>>> {
    use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
    use std::io::{BufRead, BufReader, Write};
    #[expect(clippy::disallowed_methods, reason = "the terminal is no file of a database")]
    let terminal = std::fs::File::options().read(true).write(true).open("/dev/tty").ok()?;
    let before = tcgetattr(&terminal).ok()?;
    let ask = || {
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        tcsetattr(&terminal, OptionalActions::Flush, &silent)?;
        write!(&terminal, "{prompt}")?;
        let mut line = Zeroizing::new(String::new());
        let read = BufReader::new(&terminal).read_line(&mut line);
        // Shown again whatever came of it.
        tcsetattr(&terminal, OptionalActions::Flush, &before)?;
        writeln!(&terminal)?;
        read?;
        Ok(Zeroizing::new(line.trim_end_matches(['\r', '\n']).to_owned()))
    };
    Some(ask())
}

#[cfg(not(unix))]
fn on_the_terminal(_: &str) -> Option<io::Result<Zeroizing<String>>> {
    None
}

fn by_a_program(program: &std::ffi::OsStr, prompt: &str) -> io::Result<Zeroizing<String>> {
    let answer = Command::new(program)
        .arg(prompt)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()?;
    let said = Zeroizing::new(answer.stdout);
    if !answer.status.success() {
        return Err(io::Error::other(format!("{} gave none", program.display())));
    }
    let text = std::str::from_utf8(&said).map_err(io::Error::other)?;
    Ok(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned()))
}

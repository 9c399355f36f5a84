//! A program that runs beside the test: started, listened to, and ended by its own process id.

use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::tools;

/// Longest wait for a line or an end.
const LIMIT: Duration = Duration::from_secs(60);
/// How long a program is listened to before its own end is looked at.
const PAUSE: Duration = Duration::from_millis(200);

/// A running program. Dropping it kills it.
#[derive(Debug)]
pub struct Process {
    child: Child,
    lines: Receiver<String>,
    said: Vec<String>,
}

impl Process {
    /// Starts the program; what it prints on both outputs is kept.
    pub fn start(command: &mut Command) -> Result<Self> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("start the program")?;
        let (sender, lines) = channel();
        if let Some(stdout) = child.stdout.take() {
            listen(stdout, sender.clone());
        }
        if let Some(stderr) = child.stderr.take() {
            listen(stderr, sender);
        }
        Ok(Self {
            child,
            lines,
            said: Vec::new(),
        })
    }

    /// Waits for the first line that is wanted; lines before it are kept too.
    pub fn wait_for(&mut self, wanted: impl Fn(&str) -> bool) -> Result<String> {
        let start = Instant::now();
        loop {
            let left = LIMIT.saturating_sub(start.elapsed());
            match self.lines.recv_timeout(left) {
                Ok(line) => {
                    let found = wanted(&line);
                    self.said.push(line.clone());
                    if found {
                        return Ok(line);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    bail!("it never said what was wanted:\n{}", self.said())
                }
                Err(RecvTimeoutError::Disconnected) => {
                    let status = self.child.wait()?;
                    bail!("it ended ({status}):\n{}", self.said())
                }
            }
        }
    }

    /// Waits until the program ends by itself.
    pub fn wait_for_end(&mut self) -> Result<ExitStatus> {
        let start = Instant::now();
        let mut ended = None;
        while start.elapsed() < LIMIT {
            match self.lines.recv_timeout(PAUSE) {
                Ok(line) => self.said.push(line),
                Err(RecvTimeoutError::Disconnected) => return Ok(self.child.wait()?),
                // What it started may live on with its output in hand: its own end counts, once it was silent for a pause.
                Err(RecvTimeoutError::Timeout) => match ended {
                    Some(status) => return Ok(status),
                    None => ended = self.child.try_wait()?,
                },
            }
        }
        bail!("it does not end:\n{}", self.said())
    }

    /// Whether the program still runs.
    pub fn is_running(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_none())
    }

    /// Asks the program to end (SIGTERM) and waits for it.
    pub fn stop(&mut self) -> Result<ExitStatus> {
        self.signal("-TERM")?;
        self.wait_for_end()
    }

    /// Ends the program as a power cut would (SIGKILL).
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Everything that the program printed so far.
    pub fn said(&mut self) -> String {
        self.said.extend(self.lines.try_iter());
        self.said.join("\n")
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal, named as `kill` names it: `-TERM`.
    pub fn signal(&self, signal: &str) -> Result<()> {
        let id = self.child.id().to_string();
        tools::run(&mut tools::command("kill", [signal, &id]))?.good()?;
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        // Shown by libtest where the test failed.
        eprintln!("the program said:\n{}", self.said());
    }
}

fn listen(output: impl Read + Send + 'static, sender: Sender<String>) {
    thread::spawn(move || {
        for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).into_owned();
            if sender.send(line).is_err() {
                return;
            }
        }
    });
}

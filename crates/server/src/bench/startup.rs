//! `bench startup`: from the start of `serve` to its first answer, and its resident memory when idle.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use super::measure::{Figure, memory_kb, microseconds};
use super::world::World;
use crate::failure::{Failure, Outcome};

/// How often the port is tried.
const PAUSE: Duration = Duration::from_millis(1);
/// After which no answer is expected any more.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long the server is left alone before its memory is read.
const REST: Duration = Duration::from_secs(3);

/// Starts the server `rounds` times.
pub(crate) async fn run(rounds: usize) -> Outcome<Figure> {
    let world = World::make("startup", "").await?;
    let mut latencies_us = Vec::new();
    let mut idle_kb = 0;
    let start = Instant::now();
    for round in 0..rounds {
        let port = free_port()?;
        point_to(&world, "plain", port)?;
        let begun = Instant::now();
        let mut server = serve(&world)?;
        wait_for_answer(port).await?;
        latencies_us.push(microseconds(begun));
        if round + 1 == rounds {
            tokio::time::sleep(REST).await;
            let id = server.id().map(|id| id.to_string()).unwrap_or_default();
            idle_kb = memory_kb(&id, "VmRSS");
        }
        end(&mut server).await?;
    }
    latencies_us.sort_unstable();
    let wall_s = start.elapsed().as_secs_f64();
    world.end().await?;
    Ok(Figure {
        name: "startup".to_owned(),
        ops: rounds,
        cpu_s: 0.0,
        wall_s,
        latencies_us,
        rss_kb: idle_kb,
        ratio_to_raw: None,
        further: vec![("idle_kb", json!(idle_kb))],
    })
}

fn failed(doing: &str, error: impl std::fmt::Display) -> Failure {
    Failure::machine(doing, error, "run the bench again")
}

pub(super) fn free_port() -> Outcome<u16> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(|error| failed("find a free port", error))
}

/// Lets a listener of the bench's configuration stand at `port`.
pub(super) fn point_to(world: &World, listener: &str, port: u16) -> Outcome<()> {
    let text =
        std::fs::read_to_string(&world.file).map_err(|e| failed("read the configuration", e))?;
    let lines: Vec<String> = text
        .lines()
        .map(|line| match line.split_once(" = ") {
            Some((key, _)) if key == listener => format!("{listener} = \"127.0.0.1:{port}\""),
            _ => line.to_owned(),
        })
        .collect();
    std::fs::write(&world.file, lines.join("\n")).map_err(|e| failed("write the configuration", e))
}

pub(super) fn serve(world: &World) -> Outcome<Child> {
    let program = std::env::current_exe().map_err(|error| failed("find this program", error))?;
    Command::new(program)
        .arg("--config")
        .arg(&world.file)
        .arg("serve")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| failed("start the server", error))
}

pub(super) async fn wait_for_answer(port: u16) -> Outcome<()> {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        if answers(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await {
            return Ok(());
        }
        tokio::time::sleep(PAUSE).await;
    }
    Err(failed("start the server", "it did not answer in time"))
}

async fn answers(address: SocketAddr) -> bool {
    let Ok(mut stream) = TcpStream::connect(address).await else {
        return false;
    };
    let request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let mut answer = Vec::new();
    stream.write_all(request).await.is_ok()
        && stream.read_to_end(&mut answer).await.is_ok()
        && answer.starts_with(b"HTTP/1.1 200")
}

pub(super) async fn end(server: &mut Child) -> Outcome<()> {
    server
        .kill()
        .await
        .map_err(|error| failed("end the server", error))
}

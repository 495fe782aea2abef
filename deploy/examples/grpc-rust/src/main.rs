//! A small gateway that pushes to Davy and loses nothing: lines `TAG VALUE` on standard input become messages, kept on disk until Davy
//! has them. Usage: grpc-push SERVER GATEWAY FILE

mod buffer;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::sync::{Mutex, Notify, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Endpoint;
use tonic::{Code, Status};

use buffer::Buffer;
use v1::ingest_service_client::IngestServiceClient;
use v1::tag_value::Value;
use v1::{PushSamplesRequest, TagValue};

/// The contract.
pub mod v1 {
    tonic::include_proto!("davy.v1");
}

struct Shared {
    buffer: Mutex<Buffer>,
    news: Notify,
    gateway: String,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(server), Some(gateway), Some(file)) = (arguments.next(), arguments.next(), arguments.next()) else {
        return Err("usage: grpc-push http://127.0.0.1:50051 rugang/e01/gw1 gw1.buffer".into());
    };
    let endpoint = Endpoint::from_shared(server)?
        .http2_keep_alive_interval(Duration::from_secs(15))
        .keep_alive_while_idle(true)
        .connect_timeout(Duration::from_secs(5));
    let shared = Arc::new(Shared { buffer: Mutex::new(Buffer::open(Path::new(&file))?), news: Notify::new(), gateway });
    let mut reading = tokio::spawn(read_lines(Arc::clone(&shared)));
    let (mut backoff, mut done) = (Duration::from_millis(500), false);
    while !done || !shared.buffer.lock().await.is_empty() {
        let mut progress = false;
        let ended = tokio::select! {
            ended = stream(&endpoint, &shared, &mut progress) => ended,
            read = &mut reading, if !done => {
                read??;
                done = true;
                continue;
            }
        };
        match ended {
            Err(status) if status.code() == Code::InvalidArgument => return Err(status.message().to_owned().into()),
            Err(status) => eprintln!("stream ended: {:?}: {}", status.code(), status.message()),
            Ok(()) => {}
        }
        backoff = if progress { Duration::from_millis(500) } else { (backoff * 2).min(Duration::from_secs(30)) };
        if !shared.buffer.lock().await.is_empty() {
            tokio::time::sleep(backoff).await;
        }
    }
    Ok(())
}

async fn read_lines(shared: Arc<Shared>) -> std::io::Result<()> {
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        let Some((tag, value)) = line.trim().split_once(' ') else {
            eprintln!("skipped: {line:?}: write TAG VALUE");
            continue;
        };
        let value = value.parse().map_or_else(|_| Value::Text(value.to_owned()), Value::Number);
        let values = vec![TagValue { tag: tag.to_owned(), value: Some(value), ..TagValue::default() }];
        let message =
            PushSamplesRequest { gateway: shared.gateway.clone(), time: Some(SystemTime::now().into()), values, ..Default::default() };
        while shared.buffer.lock().await.is_full() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        shared.buffer.lock().await.add(message)?;
        shared.news.notify_one();
    }
    Ok(())
}

/// One stream: sends what waits, forgets what is acknowledged; ends when all is, or the connection does.
async fn stream(endpoint: &Endpoint, shared: &Shared, progress: &mut bool) -> Result<(), Status> {
    let channel = endpoint.connect().await.map_err(|error| Status::unavailable(error.to_string()))?;
    let (requests, sent) = mpsc::channel(64);
    let mut answers = IngestServiceClient::new(channel).push_samples(ReceiverStream::new(sent)).await?.into_inner();
    let sending = async {
        let mut last = 0;
        loop {
            let next = shared.buffer.lock().await.after(last);
            let Some(message) = next else {
                shared.news.notified().await;
                continue;
            };
            last = message.sequence;
            if requests.send(message).await.is_err() {
                return std::future::pending::<()>().await;
            }
        }
    };
    let reading = async {
        while let Some(answer) = answers.message().await? {
            for it in answer.refusals {
                eprintln!("refused {} {} {}: {}: {}", it.sequence, it.tag, it.field, it.reason, it.detail);
            }
            let mut buffer = shared.buffer.lock().await;
            if answer.acknowledged_sequence > 0 {
                *progress = true;
                println!("acknowledged {}", answer.acknowledged_sequence);
                buffer.forget_to(answer.acknowledged_sequence).map_err(|error| Status::internal(error.to_string()))?;
            }
        }
        Ok(())
    };
    // What was sent and is not acknowledged stands in the buffer, so either side may be dropped.
    tokio::select! {
        () = sending => Ok(()),
        ended = reading => ended,
    }
}

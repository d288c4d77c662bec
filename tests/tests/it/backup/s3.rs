//! A bucket in moto, behind a proxy that can be made to fail or to wait.

use std::path::Path;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use local_aws::Aws;
use reqwest::Client;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::support::function::Environment;
use crate::support::postgres::variable;

/// What becomes of a request that stores something.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mood {
    /// S3 takes it.
    Takes,
    /// It waits until the mood is another.
    Waits,
    /// Each part of this number waits until the mood is another.
    WaitsAtPart(u32),
    /// S3 fails at each part of this number.
    FailsAtPart(u32),
    /// S3 fails at the next one, and then takes all.
    FailsOnce,
    /// S3 has an outage: who stands before it answers, in words of its own.
    IsDown,
    /// Nobody may store anything.
    Denies,
}

/// A bucket of a test's own.
pub(super) struct Bucket {
    pub(super) name: String,
    url: String,
    line: Arc<Line>,
    server: JoinHandle<()>,
}

struct Line {
    moto: String,
    http: Client,
    mood: watch::Sender<Mood>,
    seen: Mutex<Vec<String>>,
}

impl Bucket {
    pub(super) async fn create() -> Self {
        let http = shared::tls::http_client().no_proxy().gzip(false).build();
        let line = Arc::new(Line {
            moto: variable("TEST_AWS_URL"),
            http: http.expect("a client"),
            mood: watch::Sender::new(Mood::Takes),
            seen: Mutex::default(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("its address"));
        let app = Router::new()
            .fallback(pass_on)
            .with_state(Arc::clone(&line));
        let server = tokio::spawn(async move {
            axum::serve(listener, app).await.expect("a server");
        });
        let bucket = Self {
            name: format!("backups-{}", Uuid::new_v4().simple()),
            url,
            line,
            server,
        };
        let made = bucket.request(Method::PUT, "").await;
        assert!(made.status().is_success());
        bucket
    }

    pub(super) fn set_mood(&self, mood: Mood) {
        self.line.mood.send_replace(mood);
    }

    /// Requests that came by, such as `PUT /bucket/key?partNumber=1`.
    pub(super) fn seen(&self) -> Vec<String> {
        let seen = self.line.seen.lock();
        seen.expect("no test panics with it").clone()
    }

    /// The variables that lead the function `backup` here.
    pub(super) fn environment(&self, database_url: &str) -> Environment {
        let mut environment: Environment = self.aws_variables().into();
        environment.extend([
            ("SUPABASE_DB_URL", database_url.to_owned()),
            ("SYNC_BACKUP_BUCKET", self.name.clone()),
            ("SYNC_MAX_RETRIES", "1".to_owned()),
            ("SYNC_RETRY_DELAY_MS", "1".to_owned()),
        ]);
        environment
    }

    pub(super) fn aws_variables(&self) -> [(&'static str, String); 5] {
        let aws = Aws::at(self.url.clone()).expect("a client");
        aws.variables()
    }

    /// The keys of all files.
    pub(super) async fn keys(&self) -> Vec<String> {
        let listed = self.request(Method::GET, "?list-type=2").await;
        let listed = listed.text().await.expect("a list");
        let keys = listed.split("<Key>").skip(1);
        keys.map(|rest| rest.split('<').next().expect("a key").to_owned())
            .collect()
    }

    /// How many uploads have begun and neither ended nor been taken back.
    pub(super) async fn open_uploads(&self) -> usize {
        let listed = self.request(Method::GET, "?uploads").await;
        let listed = listed.text().await.expect("a list");
        assert!(listed.contains("ListMultipartUploadsResult"), "{listed}");
        listed.matches("<UploadId>").count()
    }

    pub(super) async fn get(&self, key: &str) -> Bytes {
        // A file's name may hold a percent sign itself.
        let path = format!("/{}", key.replace('%', "%25"));
        let got = self.request(Method::GET, &path).await;
        assert!(got.status().is_success(), "{key}");
        got.bytes().await.expect("a file")
    }

    /// The files of a backup (`s3://bucket/folder`) in a folder of this machine.
    pub(super) async fn download(&self, location: &str) -> TempDir {
        let place = format!("s3://{}/", self.name);
        let prefix = location.strip_prefix(&place).expect("this bucket");
        let folder = TempDir::new().expect("a folder");
        for key in self.keys().await {
            let Some(name) = key.strip_prefix(prefix) else {
                continue;
            };
            let file = folder.path().join(Path::new(name.trim_matches('/')));
            std::fs::write(file, self.get(&key).await).expect("a file");
        }
        folder
    }

    /// Asks moto itself, whatever the mood.
    async fn request(&self, method: Method, rest: &str) -> reqwest::Response {
        // moto shows files only to somebody, and looks at no signature.
        let somebody = "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=none";
        let url = format!("{}/{}{rest}", self.line.moto, self.name);
        let request = self.line.http.request(method, url);
        let sent = request.header(header::AUTHORIZATION, somebody).send().await;
        sent.expect("moto answers")
    }
}

impl Drop for Bucket {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn pass_on(State(line): State<Arc<Line>>, request: Request) -> Response {
    let path = request.uri().path_and_query();
    let path = path.map_or("/", |path| path.as_str()).to_owned();
    let seen = format!("{} {path}", request.method());
    line.seen.lock().expect("no test panics with it").push(seen);
    let (parts, body) = request.into_parts();
    // First all of it, as S3 does: who is answered before meets a closed connection.
    let body = to_bytes(body, usize::MAX).await.expect("a body");
    if parts.method == Method::PUT
        && let Some((status, body)) = refusal(&line, &path).await
    {
        return (status, body).into_response();
    }
    forward(&line, &path, parts, body).await
}

const FAILS: (StatusCode, &str) = (
    StatusCode::INTERNAL_SERVER_ERROR,
    "<Error><Code>InternalError</Code><Message>no</Message></Error>",
);
const IS_DOWN: (StatusCode, &str) = (StatusCode::SERVICE_UNAVAILABLE, "<html>back soon</html>");
const DENIES: (StatusCode, &str) = (
    StatusCode::FORBIDDEN,
    "<Error><Code>AccessDenied</Code><Message>no</Message></Error>",
);

/// What is answered in place of taking it, once the mood lets anything be answered.
async fn refusal(line: &Line, path: &str) -> Option<(StatusCode, &'static str)> {
    let mut moods = line.mood.subscribe();
    let mood = *moods
        .wait_for(|mood| match mood {
            Mood::Waits => false,
            Mood::WaitsAtPart(number) => !is_part(path, *number),
            _ => true,
        })
        .await
        .expect("the line is there");
    match mood {
        Mood::Takes | Mood::Waits | Mood::WaitsAtPart(_) => None,
        Mood::FailsAtPart(number) => is_part(path, number).then_some(FAILS),
        Mood::FailsOnce => {
            line.mood.send_replace(Mood::Takes);
            Some(FAILS)
        }
        Mood::IsDown => Some(IS_DOWN),
        Mood::Denies => Some(DENIES),
    }
}

fn is_part(path: &str, number: u32) -> bool {
    path.contains(&format!("partNumber={number}&"))
}

async fn forward(line: &Line, path: &str, parts: Parts, body: Bytes) -> Response {
    let mut headers = parts.headers;
    for of_the_connection in [header::HOST, header::CONTENT_LENGTH, header::EXPECT] {
        headers.remove(of_the_connection);
    }
    let sent = line
        .http
        .request(parts.method, format!("{}{path}", line.moto));
    let answer = sent.headers(headers).body(body).send().await;
    let answer = answer.expect("moto answers");
    let status = answer.status();
    let mut headers = answer.headers().clone();
    for of_the_connection in [header::TRANSFER_ENCODING, header::CONNECTION] {
        headers.remove(of_the_connection);
    }
    let mut response = Response::new(Body::from(answer.bytes().await.expect("a body")));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

//! `RegistryService`: the site model in force, for reading.

use std::sync::Arc;

use model::{Point, PointNumber, Revision};
use prost::Message as _;
use tokio::sync::watch;
use tonic::{Request, Response, Status};
use wire::v1::registry_service_server::{RegistryService, RegistryServiceServer};
use wire::{Failure, v1};

use crate::metrics;

/// The service over whatever revision the registry last showed.
pub fn registry_service(
    site: watch::Receiver<Arc<Revision>>,
    seal_public_key: [u8; 32],
) -> RegistryServiceServer<impl RegistryService> {
    RegistryServiceServer::new(Api { site, seal_public_key })
}

/// Shows a revision to the service and the metrics.
pub(crate) fn show(site: &watch::Sender<Arc<Revision>>, revision: &Arc<Revision>) {
    site.send_replace(Arc::clone(revision));
    ::metrics::gauge!(metrics::REVISION).set(f64::from(revision.number.0));
    ::metrics::gauge!(metrics::POINTS).set(f64::from(u32::try_from(revision.site.points.len()).unwrap_or(u32::MAX)));
}

struct Api {
    site: watch::Receiver<Arc<Revision>>,
    seal_public_key: [u8; 32],
}

const PAGE: usize = 1_000;
const PAGE_MAX: usize = 10_000;
/// A page ends here, however few points it has: clients take 4 MiB by default (traps 56).
const PAGE_BYTES: usize = 3 << 20;

#[tonic::async_trait]
impl RegistryService for Api {
    async fn get_site(&self, _: Request<v1::GetSiteRequest>) -> Result<Response<v1::Site>, Status> {
        let revision = Arc::clone(&self.site.borrow());
        Ok(Response::new(wire::site_to_v1(&revision, &self.seal_public_key)))
    }

    async fn list_points(&self, request: Request<v1::ListPointsRequest>) -> Result<Response<v1::ListPointsResponse>, Status> {
        let revision = Arc::clone(&self.site.borrow());
        Ok(Response::new(list_points(&revision, &request.into_inner())?))
    }
}

fn list_points(revision: &Revision, request: &v1::ListPointsRequest) -> Result<v1::ListPointsResponse, Failure> {
    let size = page_size(request.page_size)?;
    let filter = filter_hash(request);
    let after = page_start(&request.page_token, revision, filter)?;
    let wanted = |point: &Point| {
        listed(&request.enterprises, point.enterprise.as_str()) && listed(&request.installations, point.installation.as_str())
    };
    let mut points: Vec<_> = revision.points().filter(|(_, point)| wanted(point)).collect();
    points.sort_unstable_by_key(|(number, _)| *number);
    let total_size = i32::try_from(points.len()).unwrap_or(i32::MAX);
    let (mut page, mut bytes) = (Vec::new(), 0);
    let mut rest = points.into_iter().filter(|(number, _)| *number > after).peekable();
    while page.len() < size && bytes < PAGE_BYTES {
        let Some((number, point)) = rest.next() else { break };
        let point = wire::point_to_v1(number, point);
        bytes += point.encoded_len();
        page.push(point);
    }
    let last = page.last().map(|point| point.number).filter(|_| rest.peek().is_some());
    let next = last.map(|number| format!("{}.{number}.{filter:x}", revision.number.0));
    Ok(v1::ListPointsResponse {
        points: page,
        next_page_token: next.unwrap_or_default(),
        total_size,
        revision: revision.number.0,
    })
}

fn listed(wanted: &[String], id: &str) -> bool {
    wanted.is_empty() || wanted.iter().any(|it| it.eq_ignore_ascii_case(id))
}

/// FNV-1a over what the request filters by.
fn filter_hash(request: &v1::ListPointsRequest) -> u64 {
    let texts =
        request.enterprises.iter().map(String::as_str).chain(["/"]).chain(request.installations.iter().map(String::as_str));
    let bytes = texts.flat_map(|text| text.bytes().chain([0]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

fn page_size(asked: i32) -> Result<usize, Failure> {
    let asked = usize::try_from(asked).map_err(|_| {
        Failure::field("page_size", format!("page_size {asked} is negative; give 1 to {PAGE_MAX}, or 0 for {PAGE}"))
    })?;
    Ok(if asked == 0 { PAGE } else { asked.min(PAGE_MAX) })
}

fn page_start(token: &str, revision: &Revision, filter: u64) -> Result<PointNumber, Failure> {
    if token.is_empty() {
        return Ok(PointNumber(0));
    }
    let wrong =
        || Failure::field("page_token", "page_token is of another request or site revision; leave it empty to start anew");
    let mut parts = token.split('.');
    let (number, after, hash) = (parts.next(), parts.next(), parts.next());
    if number.and_then(|it| it.parse().ok()) != Some(revision.number.0) || hash != Some(format!("{filter:x}").as_str()) {
        return Err(wrong());
    }
    after.and_then(|it| it.parse().ok()).map(PointNumber).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use tonic_types::StatusExt as _;

    use super::*;
    use crate::number::tests::site;

    fn revision(points: usize) -> Revision {
        let ids: Vec<String> = (0..points).map(|at| format!("p{at:05}")).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        crate::number::next_revision(&Revision::default(), site(&ids), [0; 32]).expect("numbers left")
    }

    #[test]
    fn pages_hold_every_point_once() {
        let revision = revision(25);
        let mut request = v1::ListPointsRequest { page_size: 10, ..v1::ListPointsRequest::default() };
        let mut numbers = Vec::new();
        loop {
            let page = list_points(&revision, &request).expect("a page");
            assert!(page.points.len() <= 10 && page.total_size == 25);
            numbers.extend(page.points.iter().map(|point| point.number));
            if page.next_page_token.is_empty() {
                break;
            }
            request.page_token = page.next_page_token;
        }
        assert_eq!(numbers, (1..=25).collect::<Vec<u32>>());
    }

    #[test]
    fn a_token_of_another_request_names_its_field() {
        let revision = revision(25);
        let first = v1::ListPointsRequest { page_size: 10, ..v1::ListPointsRequest::default() };
        let token = list_points(&revision, &first).expect("a page").next_page_token;
        let other = v1::ListPointsRequest { page_token: token, enterprises: vec!["e".to_owned()], ..first };
        let status = Status::from(list_points(&revision, &other).expect_err("another filter"));
        let details = status.get_error_details();
        assert_eq!(details.bad_request().map(|it| it.field_violations[0].field.as_str()), Some("page_token"));
        let negative = v1::ListPointsRequest { page_size: -1, ..v1::ListPointsRequest::default() };
        assert!(list_points(&revision, &negative).is_err());
    }
}

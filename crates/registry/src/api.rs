//! `RegistryService`: the site model in force, for reading.

use std::sync::Arc;

use model::{Point, PointNumber, Revision};
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
const PAGE_MAX: i32 = 10_000;

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
    let after = page_start(&request.page_token, revision)?;
    let wanted = |point: &Point| {
        listed(&request.enterprises, point.enterprise.as_str()) && listed(&request.installations, point.installation.as_str())
    };
    let mut points: Vec<_> = revision.points().filter(|(_, point)| wanted(point)).collect();
    points.sort_unstable_by_key(|(number, _)| *number);
    let total_size = i32::try_from(points.len()).unwrap_or(i32::MAX);
    points.retain(|(number, _)| *number > after);
    let more = points.len() > size;
    points.truncate(size);
    let last = points.last().map(|(number, _)| *number);
    let next = last.filter(|_| more).map(|number| format!("{}.{}", revision.number.0, number.0));
    Ok(v1::ListPointsResponse {
        points: points.into_iter().map(|(number, point)| wire::point_to_v1(number, point)).collect(),
        next_page_token: next.unwrap_or_default(),
        total_size,
        revision: revision.number.0,
    })
}

fn listed(wanted: &[String], id: &str) -> bool {
    wanted.is_empty() || wanted.iter().any(|it| it.eq_ignore_ascii_case(id))
}

fn page_size(asked: i32) -> Result<usize, Failure> {
    match asked {
        0 => Ok(PAGE),
        1..=PAGE_MAX => Ok(usize::try_from(asked).unwrap_or(PAGE)),
        _ => {
            Err(Failure::field("page_size", format!("page_size {asked} is out of range; give 1 to {PAGE_MAX}, or 0 for {PAGE}")))
        }
    }
}

fn page_start(token: &str, revision: &Revision) -> Result<PointNumber, Failure> {
    if token.is_empty() {
        return Ok(PointNumber(0));
    }
    let wrong =
        || Failure::field("page_token", "page_token is of another request or site revision; leave it empty to start anew");
    let (number, after) = token.split_once('.').ok_or_else(wrong)?;
    if number.parse() != Ok(revision.number.0) {
        return Err(wrong());
    }
    after.parse().map(PointNumber).map_err(|_| wrong())
}

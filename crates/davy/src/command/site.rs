//! `davy site`: drafts of site files from what a running Davy sees.

mod draft;

use tonic::transport::Channel;
use wire::v1;
use wire::v1::registry_service_client::RegistryServiceClient;

use crate::cli::{DraftArgs, DraftFrom};
use crate::command::{gateways, server};
use crate::exit::CommandError;
use crate::output::Output;

/// Asks for gateways and site, and prints the draft.
pub async fn run(args: &DraftArgs) -> Result<(), CommandError> {
    let DraftFrom::Gateways = args.from;
    let channel = server::connect(&args.server).await?;
    let gateways = gateways::all(channel.clone(), args.gateway.as_deref().unwrap_or_default()).await?;
    let (site, points) = site(channel).await?;
    let mut out = Output::new();
    for line in draft::draft(&gateways, &site, &points).lines() {
        out.line(line)?;
    }
    out.flush().map(drop)
}

async fn site(channel: Channel) -> Result<(v1::Site, Vec<v1::Point>), CommandError> {
    let refused = |status: tonic::Status| CommandError::status(&status);
    let mut client = RegistryServiceClient::new(channel).max_decoding_message_size(server::ANSWER_BYTES_MAX);
    let site = client.get_site(v1::GetSiteRequest {}).await.map_err(refused)?.into_inner();
    let (mut request, mut points) = (v1::ListPointsRequest::default(), Vec::new());
    loop {
        let page = client.list_points(request.clone()).await.map_err(refused)?.into_inner();
        points.extend(page.points);
        if page.next_page_token.is_empty() {
            return Ok((site, points));
        }
        request.page_token = page.next_page_token;
    }
}

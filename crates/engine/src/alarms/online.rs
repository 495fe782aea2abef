//! `ListOnlineRates`: counts of enterprises, and their sums.

use std::collections::BTreeMap;

use model::Time;
use wire::{Failure, v1};

use super::list::{set, within};
use crate::OnlineRates;
use crate::online::OnlineCount;

/// A sum over enterprises.
#[derive(Default)]
struct Sum {
    points: u32,
    online: u32,
    oldest: Option<Time>,
}

impl Sum {
    fn add(&mut self, count: &OnlineCount) {
        self.points = self.points.saturating_add(count.points);
        self.online = self.online.saturating_add(count.online);
        self.oldest = Some(self.oldest.map_or(count.at, |it| it.min(count.at)));
    }

    fn rate(&self, park: &str, enterprise: &str) -> v1::OnlineRate {
        v1::OnlineRate {
            park: park.to_owned(),
            enterprise: enterprise.to_owned(),
            points: self.points,
            online: self.online,
            rate: (self.points > 0).then(|| f64::from(self.online) / f64::from(self.points)),
            time: self.oldest.map(wire::time_to_v1),
        }
    }
}

/// The answer to a request.
pub(crate) fn list_rates(
    rates: &OnlineRates,
    request: v1::ListOnlineRatesRequest,
) -> Result<v1::ListOnlineRatesResponse, Failure> {
    let (parks, enterprises) = (set("parks", request.parks)?, set("enterprises", request.enterprises)?);
    let mut answer = v1::ListOnlineRatesResponse::default();
    let (mut by_park, mut total) = (BTreeMap::<_, Sum>::new(), Sum::default());
    for count in rates.counts() {
        let park = count.park.as_ref().map(model::ParkId::as_str);
        if !within(&parks, park) || !within(&enterprises, Some(count.enterprise.as_str())) {
            continue;
        }
        let mut own = Sum::default();
        own.add(&count);
        total.add(&count);
        answer.enterprises.push(own.rate(park.unwrap_or_default(), count.enterprise.as_str()));
        if let Some(park) = park {
            by_park.entry(park.to_owned()).or_default().add(&count);
        }
    }
    answer.parks = by_park.iter().map(|(park, sum)| sum.rate(park, "")).collect();
    answer.total = Some(total.rate("", ""));
    Ok(answer)
}

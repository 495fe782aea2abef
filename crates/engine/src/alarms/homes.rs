//! Where what an alarm may be about lives: the points, gateways and enterprises of the site in force; and what the list shows of points.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use model::{EnterpriseId, Partition, Revision};
use wire::{record_v1, v1};

/// The site as the API needs it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Homes {
    points: BTreeMap<Arc<str>, PointHome>,
    /// By path: that of a gateway, or of a device behind it.
    gateways: BTreeMap<Arc<str>, EnterpriseId>,
    enterprises: BTreeSet<EnterpriseId>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct PointHome {
    enterprise: EnterpriseId,
    name: Box<str>,
    gateway: Arc<str>,
}

impl Homes {
    /// Those of a revision.
    pub(crate) fn of(revision: &Revision) -> Self {
        let mut homes = Self::default();
        for point in &revision.site.points {
            homes.put(point.id.shared(), &point.name, point.source.gateway.as_str(), &point.enterprise);
        }
        homes.enterprises.extend(revision.site.enterprises.iter().map(|it| it.id.clone()));
        homes
    }

    fn put(&mut self, id: Arc<str>, name: &str, gateway: &str, enterprise: &EnterpriseId) {
        // Many points share a gateway: its path is kept once.
        let gateway = match self.gateways.get_key_value(gateway) {
            Some((known, _)) => Arc::clone(known),
            None => Arc::from(gateway),
        };
        self.gateways.entry(Arc::clone(&gateway)).or_insert_with(|| enterprise.clone());
        self.points.insert(id, PointHome { enterprise: enterprise.clone(), name: Box::from(name), gateway });
    }

    /// Where the commands on a point, a gateway or an enterprise go.
    pub(crate) fn partition_of(&self, subject: &str) -> Option<Partition> {
        let point = || self.points.get(subject).map(|it| &it.enterprise);
        let found = point().or_else(|| self.enterprise_of_path(subject)).or_else(|| self.enterprise(subject));
        found.map(Partition::of)
    }

    /// Whose gateway it is: by its points, by those of its devices, or by the second part of its path, where that is an enterprise.
    fn enterprise_of_path(&self, path: &str) -> Option<&EnterpriseId> {
        let (_, rest) = path.split_once('/')?;
        let device = || {
            let below = format!("{path}/");
            let (next, enterprise) = self.gateways.range::<str, _>((Bound::Included(&*below), Bound::Unbounded)).next()?;
            next.starts_with(&below).then_some(enterprise)
        };
        let named = || self.enterprise(rest.split('/').next().unwrap_or(rest));
        self.gateways.get(path).or_else(device).or_else(named)
    }

    fn enterprise(&self, id: &str) -> Option<&EnterpriseId> {
        EnterpriseId::new(id).ok().and_then(|id| self.enterprises.get(&id))
    }

    /// A point's name; empty where there is none.
    pub(crate) fn name(&self, point: &str) -> &str {
        self.points.get(point).map_or("", |it| &it.name)
    }

    /// Whether two points are known to have the same gateway, and so the same clock.
    pub(crate) fn same_gateway(&self, one: &str, other: &str) -> bool {
        let gateway = |point: &str| self.points.get(point).map(|it| &it.gateway).filter(|it| !it.is_empty());
        gateway(one).is_some() && gateway(one) == gateway(other)
    }

    /// For a snapshot.
    pub(crate) fn to_record(&self) -> record_v1::SiteRevision {
        let point = |(id, home): (&Arc<str>, &PointHome)| v1::Point {
            id: id.to_string(),
            enterprise: home.enterprise.to_string(),
            name: home.name.to_string(),
            gateway: home.gateway.to_string(),
            ..v1::Point::default()
        };
        let enterprise = |id: &EnterpriseId| v1::Enterprise { id: id.to_string(), ..v1::Enterprise::default() };
        record_v1::SiteRevision {
            points: self.points.iter().map(point).collect(),
            enterprises: self.enterprises.iter().map(enterprise).collect(),
            ..record_v1::SiteRevision::default()
        }
    }

    /// From a snapshot; an older one has no gateways and no names, and the enterprises of points only.
    pub(crate) fn from_record(record: &record_v1::SiteRevision) -> Option<Self> {
        let mut homes = Self::default();
        for point in &record.points {
            let enterprise = EnterpriseId::new(&point.enterprise).ok()?;
            homes.put(Arc::from(point.id.as_str()), &point.name, &point.gateway, &enterprise);
            homes.enterprises.insert(enterprise);
        }
        homes.gateways.remove("");
        for enterprise in &record.enterprises {
            homes.enterprises.insert(EnterpriseId::new(&enterprise.id).ok()?);
        }
        Some(homes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn homes() -> Homes {
        let id = |text: &str| EnterpriseId::new(text).expect("valid");
        let mut homes = Homes::default();
        homes.put(Arc::from("p1"), "一号", "park/gw/dev", &id("e01"));
        homes.put(Arc::from("p2"), "", "park/gw/dev", &id("e01"));
        homes.put(Arc::from("p3"), "", "park/gw2", &id("e02"));
        homes.enterprises.extend([id("e01"), id("e02"), id("e03")]);
        homes
    }

    #[test]
    fn a_subject_is_a_point_a_gateway_or_an_enterprise() {
        let homes = homes();
        let of = |text: &str| Some(Partition::of(&EnterpriseId::new(text).expect("valid")));
        let wanted = [
            ("p1", of("e01")),
            ("park/gw/dev", of("e01")),
            ("park/gw", of("e01")),
            ("park/gw2", of("e02")),
            ("park/g", None),
            ("park/e03/gw9", of("e03")),
            ("park/e09/gw9", None),
            ("e03", of("e03")),
            ("e09", None),
            ("", None),
        ];
        for (subject, partition) in wanted {
            assert_eq!(homes.partition_of(subject), partition, "{subject}");
        }
    }

    #[test]
    fn the_same_gateway_is_known_or_it_is_not() {
        let homes = homes();
        assert!(homes.same_gateway("p1", "p2"));
        assert!(!homes.same_gateway("p1", "p3"));
        assert!(!homes.same_gateway("nobody", "nobody"), "unknown points have no gateway in common");
    }

    #[test]
    fn they_survive_a_snapshot() {
        let homes = homes();
        assert_eq!(Homes::from_record(&homes.to_record()), Some(homes));
    }

    #[test]
    fn an_older_snapshot_still_says_where_points_live() {
        let mut record = homes().to_record();
        record.enterprises.clear();
        for point in &mut record.points {
            point.gateway.clear();
            point.name.clear();
        }
        let old = Homes::from_record(&record).expect("reads");
        assert_eq!(old.partition_of("p3"), homes().partition_of("p3"));
        assert!(old.gateways.is_empty() && !old.same_gateway("p1", "p2"));
    }
}

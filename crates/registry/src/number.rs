//! Numbers for points: given once, kept for life, never given to another (pure).

use std::collections::BTreeMap;

use model::{PointId, PointNumber, Revision, RevisionNumber, Site};

use crate::RegistryError;

/// The revision after `previous` with this content. A point that was there before, or once was, keeps its number; ids are one
/// ignoring case.
pub(crate) fn next_revision(previous: &Revision, site: Site, content_hash: [u8; 32]) -> Result<Revision, RegistryError> {
    let fold = |id: &PointId| id.as_str().to_ascii_lowercase();
    let current = previous.points().map(|(number, point)| (&point.id, number));
    let retired = previous.retired.iter().map(|(id, number)| (id, *number));
    let mut known: BTreeMap<String, (PointId, PointNumber)> =
        current.chain(retired).map(|(id, number)| (fold(id), (id.clone(), number))).collect();

    let mut next = previous.next_point_number.0.max(1);
    let mut numbers = Vec::with_capacity(site.points.len());
    for point in &site.points {
        let number = if let Some((_, number)) = known.remove(&fold(&point.id)) {
            number
        } else {
            let number = PointNumber(next);
            next = next.checked_add(1).ok_or(RegistryError::NumbersUsedUp)?;
            number
        };
        numbers.push(number);
    }
    Ok(Revision {
        number: RevisionNumber(previous.number.0 + 1),
        content_hash,
        site,
        numbers,
        next_point_number: PointNumber(next),
        retired: known.into_values().collect(),
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use model::{EnterpriseId, GatewayPath, InstallationId, Point, PointSource, Protocol, Quantity, Span};

    use super::*;

    pub(crate) fn site(ids: &[&str]) -> Site {
        let point = |id: &&str| Point {
            id: PointId::new(id).unwrap(),
            name: String::new(),
            installation: InstallationId::new("i").unwrap(),
            enterprise: EnterpriseId::new("e").unwrap(),
            park: None,
            quantity: Quantity::Other,
            unit: "-".to_owned(),
            range: None,
            stale_after: Span::from_secs(300),
            source: PointSource { protocol: Protocol::Mqtt, gateway: GatewayPath::new("a/b/c").unwrap(), tag: (*id).to_owned() },
            states: Vec::new(),
            alarms: Vec::new(),
            cas: String::new(),
        };
        Site { points: ids.iter().map(point).collect(), ..Site::default() }
    }

    fn numbers(revision: &Revision) -> Vec<u32> {
        revision.numbers.iter().map(|it| it.0).collect()
    }

    #[test]
    fn a_number_is_for_life_and_never_reused() {
        let first = next_revision(&Revision::default(), site(&["a", "b", "c"]), [1; 32]).unwrap();
        assert_eq!((first.number.0, numbers(&first)), (1, vec![1, 2, 3]));
        let second = next_revision(&first, site(&["c", "d"]), [2; 32]).unwrap();
        assert_eq!(numbers(&second), [3, 4]);
        let third = next_revision(&second, site(&["B", "e"]), [3; 32]).unwrap();
        assert_eq!(numbers(&third), [2, 5], "b comes back under its own number, whatever the case");
        assert_eq!(third.next_point_number, PointNumber(6));
        let retired: Vec<_> = third.retired.iter().map(|(id, number)| (id.as_str(), number.0)).collect();
        assert_eq!(retired, [("a", 1), ("c", 3), ("d", 4)]);
    }

    #[test]
    fn the_last_number_is_the_last() {
        let full = Revision { next_point_number: PointNumber(u32::MAX), ..Revision::default() };
        assert!(matches!(next_revision(&full, site(&["a"]), [0; 32]), Err(RegistryError::NumbersUsedUp)));
    }
}

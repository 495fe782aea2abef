//! Generated sites: what `davy check` would say, and whether they spread.

use std::collections::BTreeSet;

use model::{Partition, Protocol, Quality, Span};

use super::{START, active};
use crate::{Park, Scenario, gateway_of, generated_site};

fn load(nodes: u32, points_per_node: u32, protocol: Protocol) -> site::Loaded {
    let file = site::SourceFile { name: "site.toml".to_owned(), text: generated_site(nodes, points_per_node, protocol) };
    site::load(&[file]).unwrap_or_else(|faults| panic!("{} faults, the first: {}", faults.len(), faults[0]))
}

#[test]
fn every_protocol_and_size_is_taken() {
    for (protocol, nodes, points) in [(Protocol::Mqtt, 1, 1), (Protocol::Mqtt, 120, 25), (Protocol::Sparkplug, 120, 25)] {
        let loaded = load(nodes, points, protocol);
        let site = &loaded.site;
        assert_eq!((site.enterprises.len(), site.points.len()), (nodes as usize, (nodes * points) as usize));
        assert!(site.points.iter().all(|point| point.source.protocol == protocol && !point.alarms.is_empty()));
        let gateways: BTreeSet<_> = site.points.iter().map(|point| gateway_of(&point.source)).collect();
        assert_eq!(gateways.len(), nodes as usize);
        assert_eq!(loaded.warnings, [], "{protocol:?}");
    }
}

#[test]
fn five_hundred_enterprises_spread_over_the_partitions_with_detectors_among_their_points() {
    let site = load(500, 2, Protocol::Sparkplug).site;
    let partitions: BTreeSet<_> = site.enterprises.iter().map(|it| Partition::of(&it.id)).collect();
    assert!(partitions.len() > 150, "{} partitions", partitions.len());
    assert_eq!(site.parks.len(), 10);
    assert_eq!(site.points.iter().filter(|point| point.quantity.is_gas_detector()).count(), 500);
}

#[test]
fn a_normal_day_of_a_generated_site_raises_nothing() {
    let site = load(20, 9, Protocol::Mqtt).site;
    let park = Park::new(&site, 2, Scenario::Normal);
    for minute in 0..1_440 {
        let elapsed = Span::from_secs(60 * minute);
        for (index, value, quality) in park.samples_at(START + elapsed, elapsed) {
            let raised = active(&site, index, value);
            assert!(raised.is_empty() && quality == Quality::Good, "{} {value}", site.points[index].id);
        }
    }
}

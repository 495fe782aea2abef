//! Site files of any size: plausible enterprises by the dozen, each with one gateway.
//!
//! An enterprise is one gateway, so that partitions spread; fifty enterprises are a park. Ids, names and figures are made up;
//! limits of gas detectors follow GB/T 50493-2019.

use model::Protocol;

/// Enterprises in one generated park.
pub const PARK_ENTERPRISES: u32 = 50;

/// One kind of instrument; enterprises have them in turn.
struct Instrument {
    tag: &'static str,
    name: &'static str,
    quantity: &'static str,
    unit: &'static str,
    range: (f64, f64),
    /// The Sparkplug device it belongs to; empty: the edge node itself.
    device: &'static str,
    alarms: &'static [Alarm],
}

struct Alarm {
    kind: &'static str,
    limit: f64,
    deadband: f64,
    on_delay: &'static str,
    cause: &'static str,
    consequence: &'static str,
    action: &'static str,
}

const fn alarm(
    (kind, limit, deadband, on_delay): (&'static str, f64, f64, &'static str),
    cause: &'static str,
    consequence: &'static str,
    action: &'static str,
) -> Alarm {
    Alarm { kind, limit, deadband, on_delay, cause, consequence, action }
}

/// A gas detector comes second, so that even two points have one.
const INSTRUMENTS: &[Instrument] = &[
    Instrument {
        tag: "PI",
        name: "压力",
        quantity: "pressure",
        unit: "kPa",
        range: (0.0, 2500.0),
        device: "dcs",
        alarms: &[
            alarm(("high", 1600.0, 20.0, "5s"), "进料过快或冷却不足", "压力继续上升", "检查冷却，降低进料"),
            alarm(("high_high", 1900.0, 20.0, "1s"), "压力失控", "安全阀起跳", "停止进料，打开放空"),
        ],
    },
    Instrument {
        tag: "GT",
        name: "可燃气体",
        quantity: "combustible_gas",
        unit: "%LEL",
        range: (0.0, 100.0),
        device: "gds",
        alarms: &[
            alarm(("high", 25.0, 5.0, "0s"), "可燃气体泄漏", "可能形成爆炸性混合物", "核实现场，查找泄漏点"),
            alarm(("high_high", 50.0, 5.0, "0s"), "可燃气体大量泄漏", "爆炸危险", "切断物料，疏散人员"),
        ],
    },
    Instrument {
        tag: "TI",
        name: "温度",
        quantity: "temperature",
        unit: "°C",
        range: (-40.0, 120.0),
        device: "dcs",
        alarms: &[alarm(("high", 80.0, 2.0, "5s"), "冷却不足", "介质气化加剧", "开启喷淋")],
    },
    Instrument {
        tag: "LI",
        name: "液位",
        quantity: "level",
        unit: "%",
        range: (0.0, 100.0),
        device: "dcs",
        alarms: &[
            alarm(("low", 10.0, 2.0, "5s"), "出料过快", "泵抽空", "停泵"),
            alarm(("high", 85.0, 2.0, "5s"), "进料未停", "储罐满溢", "停止进料"),
            alarm(("high_high", 95.0, 2.0, "1s"), "储罐将满溢", "介质外泄", "关闭进料切断阀"),
        ],
    },
    Instrument {
        tag: "AT",
        name: "氨气",
        quantity: "toxic_gas",
        unit: "mg/m3",
        range: (0.0, 60.0),
        device: "gds",
        alarms: &[
            alarm(("high", 20.0, 2.0, "0s"), "氨泄漏", "人员中毒、灼伤", "佩戴呼吸器核实"),
            alarm(("high_high", 40.0, 4.0, "0s"), "氨大量泄漏", "毒气扩散至厂外", "切断物料，开启水幕"),
        ],
    },
    Instrument {
        tag: "FI",
        name: "流量",
        quantity: "flow",
        unit: "m3/h",
        range: (0.0, 120.0),
        device: "dcs",
        alarms: &[alarm(("high", 100.0, 3.0, "5s"), "调节阀卡开", "流速过高，静电积聚", "检查调节阀")],
    },
    Instrument {
        tag: "OT",
        name: "氧含量",
        quantity: "oxygen",
        unit: "%VOL",
        range: (0.0, 30.0),
        device: "gds",
        alarms: &[
            alarm(("low", 19.5, 0.2, "0s"), "氮气泄漏", "人员窒息", "禁止进入，强制通风"),
            alarm(("high", 23.5, 0.2, "0s"), "氧气泄漏", "助燃，火灾危险", "禁止动火，强制通风"),
        ],
    },
    Instrument {
        tag: "WS",
        name: "风速",
        quantity: "wind_speed",
        unit: "m/s",
        range: (0.0, 60.0),
        device: "",
        alarms: &[alarm(("high", 17.0, 1.0, "30s"), "大风", "高处作业危险", "停止吊装和高处作业")],
    },
    Instrument {
        tag: "HC",
        name: "在场人数",
        quantity: "headcount",
        unit: "人",
        range: (0.0, 60.0),
        device: "",
        alarms: &[alarm(("high", 45.0, 2.0, "30s"), "人员聚集", "事故时伤亡扩大", "劝离无关人员")],
    },
];

/// The text of a site file: so many gateways, each of an enterprise of its own, with so many points each; for Sparkplug, points
/// belong to two devices and to the edge node itself. Taken by `davy check` up to its limit of points.
pub fn generated_site(nodes: u32, points_per_node: u32, protocol: Protocol) -> String {
    let mut text =
        "# A generated site: ids, names and figures are made up; limits of gas detectors follow GB/T 50493-2019.\n".to_owned();
    for node in 0..nodes {
        if node % PARK_ENTERPRISES == 0 {
            text += &park(node / PARK_ENTERPRISES + 1);
        }
        text += &enterprise(node);
        for point in 0..points_per_node {
            text += &point_of(node, point, protocol);
        }
    }
    text
}

fn park_id(node: u32) -> String {
    format!("p{:03}", node / PARK_ENTERPRISES + 1)
}

fn enterprise_id(node: u32) -> String {
    format!("e{:05}", node + 1)
}

fn park(number: u32) -> String {
    format!("\n[[park]]\nid = \"p{number:03}\"\nname = \"第{number}化工园区\"\ntime_zone = \"Asia/Shanghai\"\n")
}

fn enterprise(node: u32) -> String {
    let (park, enterprise, number) = (park_id(node), enterprise_id(node), node + 1);
    let (kind, name, substance) = if node.is_multiple_of(2) {
        ("process", "生产装置", "cas = \"7664-41-7\", name = \"氨\", design_max_tonnes = 12.0")
    } else {
        ("tank_farm", "罐区", "cas = \"68476-85-7\", name = \"液化石油气\", design_max_tonnes = 240.0")
    };
    // Rows of fifty, a few hundred metres apart, so that maps have something to show.
    let (row, column) = (f64::from(node / PARK_ENTERPRISES), f64::from(node % PARK_ENTERPRISES));
    let (lat, lon) = (32.0 + 0.03 * row % 8.0, 118.0 + 0.004 * column);
    format!(
        "\n[[enterprise]]\nid = \"{enterprise}\"\npark = \"{park}\"\nname = \"{number}号企业\"\n\
         \n[[installation]]\nid = \"{enterprise}-unit\"\nenterprise = \"{enterprise}\"\nname = \"{name}\"\nkind = \"{kind}\"\n\
         exposed_people = {}\nlocation = {{ lat = {lat:.4}, lon = {lon:.4} }}\nsubstance = [{{ {substance} }}]\n",
        20 + node % 7 * 15,
    )
}

fn point_of(node: u32, point: u32, protocol: Protocol) -> String {
    let enterprise = enterprise_id(node);
    let (turn, at) = (point as usize / INSTRUMENTS.len() + 1, point as usize % INSTRUMENTS.len());
    let instrument = &INSTRUMENTS[at];
    let tag = format!("{}-{}", instrument.tag, 100 + turn);
    let (low, high) = instrument.range;
    let mut text = format!(
        "\n[[point]]\nid = \"{enterprise}-{tag}\"\nname = \"{turn}号{}\"\ninstallation = \"{enterprise}-unit\"\nquantity = \"{}\"\n\
         unit = \"{}\"\nrange = [{low:?}, {high:?}]\nstale_after = \"60s\"\nsource = {{ {}, tag = \"{tag}\" }}\n",
        instrument.name,
        instrument.quantity,
        instrument.unit,
        source(node, instrument, protocol),
    );
    if instrument.quantity == "toxic_gas" {
        text += "cas = \"7664-41-7\"\n";
    }
    for it in instrument.alarms {
        text += &format!(
            "\n  [[point.alarm]]\n  kind = \"{}\"\n  limit = {:?}\n  deadband = {:?}\n  on_delay = \"{}\"\n  cause = \"{}\"\n  \
             consequence = \"{}\"\n  action = \"{}\"\n  respond_within = \"5m\"\n  position = \"panel-{}\"\n",
            it.kind,
            it.limit,
            it.deadband,
            it.on_delay,
            it.cause,
            it.consequence,
            it.action,
            node / PARK_ENTERPRISES + 1,
        );
    }
    text
}

fn source(node: u32, instrument: &Instrument, protocol: Protocol) -> String {
    let (park, enterprise) = (park_id(node), enterprise_id(node));
    match (protocol, instrument.device) {
        (Protocol::Sparkplug, "") => format!("sparkplug = \"{park}/{enterprise}-gw1\""),
        (Protocol::Sparkplug, device) => format!("sparkplug = \"{park}/{enterprise}-gw1/{device}\""),
        (protocol, _) => format!("{} = \"{park}/{enterprise}/gw1\"", protocol.as_str()),
    }
}

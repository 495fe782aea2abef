//! The devices of a node: when they are there, and what has to come before their data.

use std::sync::Arc;

use model::Time;

use super::output::Output;
use super::session::{Context, Device, Presence, Session};
use super::speak::Said;
use super::table::DEVICES_MAX;
use super::values::Aliases;

impl Session {
    pub(super) fn device_birth(&mut self, said: &Said<'_>, cx: &mut Context<'_>) {
        let Some(device) = said.device else { return };
        if !self.has_device(device, said.delivery, cx) {
            return;
        }
        if self.birth_at.is_none() && self.tables.is_empty() {
            self.want("no_birth", cx);
        }
        self.device_up(device, cx);
        if let Some(known) = self.devices.get_mut(device) {
            (known.born, known.missed, known.until) = (true, false, None);
        }
        // The birth was on its way: there is nothing to ask for, if it was the last that is missed.
        if self.tables.get(&None).is_some() && !self.devices.values().any(|known| known.missed) {
            self.ask.forget_if("no_birth");
        }
        self.declare(said.device, said.payload, said.delivery, cx);
        self.say_values(said.device, said.payload, (said.seq, said.delivery, true), said.aliases, cx);
        cx.out.push(Output::Keep { node: self.id.clone() });
    }

    /// Data of a device: it is there, born or not. False where there are too many devices.
    pub(super) fn device_speaks(&mut self, said: &Said<'_>, cx: &mut Context<'_>) -> bool {
        let Some(device) = said.device else { return false };
        if !self.has_device(device, said.delivery, cx) {
            return false;
        }
        // Named metrics need no birth: the device is there, whether it is born again or not.
        let named = said.payload.metrics.iter().any(|metric| metric.name.as_deref().is_some_and(|name| !name.is_empty()));
        if let Some(known) = self.devices.get_mut(device).filter(|_| named && said.aliases != Aliases::Gone) {
            known.until = None;
        }
        // What is older than the node's birth tells nothing of the births that follow it.
        if let Some(known) = self.devices.get_mut(device).filter(|known| !known.born && said.aliases != Aliases::Gone) {
            known.missed = true;
            if self.trusted && self.birth_at.is_some() {
                let detail = "DDATA before the DBIRTH that has to follow each NBIRTH: its aliases cannot be named";
                self.fault("sparkplug.data_before_birth", Some(device), detail, cx);
            }
            self.want("no_birth", cx);
        }
        self.device_up(device, cx);
        true
    }

    fn has_device(&mut self, device: &Arc<str>, delivery: u64, cx: &mut Context<'_>) -> bool {
        if self.devices.contains_key(device) {
            return true;
        }
        if self.devices.len() >= DEVICES_MAX {
            let detail = format!("device = {device}: the node has {DEVICES_MAX} devices already; use several edge nodes");
            self.refuse(delivery, "too_many_devices", detail, cx);
            return false;
        }
        let folded = device.to_lowercase();
        if let Some(other) = self.devices.keys().find(|known| known.to_lowercase() == folded) {
            let detail = format!("devices `{device}` and `{other}` differ by case alone: they are two; rename one");
            self.fault("sparkplug.case_collision", Some(device), &detail, cx);
        }
        self.devices.insert(device.clone(), Device::default());
        true
    }

    fn device_up(&mut self, device: &Arc<str>, cx: &mut Context<'_>) {
        let Some(known) = self.devices.get_mut(device).filter(|known| known.presence.up != Some(true)) else { return };
        if self.presence.up == Some(true) {
            known.presence = Presence { up: Some(true), since: Some(cx.now) };
            cx.out.push(Output::DeviceUp { node: self.id.clone(), device: device.clone() });
        }
    }

    pub(super) fn device_down(&mut self, device: &Arc<str>, since: Time, reason: &'static str, cx: &mut Context<'_>) {
        let Some(known) = self.devices.get_mut(device) else { return };
        (known.born, known.missed, known.until) = (false, false, None);
        let was = std::mem::replace(&mut known.presence, Presence { up: Some(false), since: Some(since) });
        if was.up != Some(false) {
            cx.out.push(Output::DeviceDown { node: self.id.clone(), device: device.clone(), since, reason });
        }
    }
}

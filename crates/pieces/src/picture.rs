//! Pictures, field by field.

use model::{
    Daylight, HeadCount, HeadTotal, InZone, InstallationKind, Lies, Location, Picture, PictureArea, PictureNote, PicturePlan,
    PictureResource, PictureShape, PictureSubstance, PictureWind, PictureZone, PlaceKind, ResourceKind, SpillSize, SubstanceFrom,
};

use crate::nouns::texts;
use crate::piece::{read_text, write_text};
use crate::{Broken, Piece, Reader, pieces};

texts!(
    PlaceKind by Self::parse,
    InstallationKind by Self::parse,
    ResourceKind by Self::parse,
    PictureZone by Self::parse,
    SubstanceFrom by Self::parse,
    SpillSize by Self::parse,
    Daylight by Self::parse,
    PictureShape by Self::parse
);

pieces! {
    Location { lat, lon }
    Lies { zone, distance_m, bearing_deg }
    HeadCount { heads, measured_at, counted_with, doubt, doubt_zh }
    HeadTotal { known, places, unknown }
    PictureSubstance { cas, un, name, name_zh, counted }
    PictureWind { from_deg, speed_mps, measured_at, direction_point, speed_point, used, doubt, doubt_zh }
    PictureArea { zone, circle, outline }
    PictureResource { id, name, kind, amount, contact, distance_m, bearing_deg, zone }
    PicturePlan { id, name, level, document, contact, certain }
    PictureNote { text, zh }
    Picture {
        warning, asked_by, at, substances, substance_from, installation, location, spill, fire, light, wind, isolate_m, protect_km,
        protect_or_more, shape, towards_deg, areas, places, more_places, installations, more_installations, in_isolation,
        in_protective, total, resources, plans, notes, label, label_zh
    }
}

impl<K: Piece> Piece for InZone<K> {
    fn write(&self, out: &mut Vec<u8>) {
        let Self { id, name, kind, lies, people, substances } = self;
        id.write(out);
        name.write(out);
        kind.write(out);
        lies.write(out);
        people.write(out);
        substances.write(out);
    }

    fn read(read: &mut Reader<'_>) -> Result<Self, Broken> {
        let (id, name, kind) = (Piece::read(read)?, Piece::read(read)?, Piece::read(read)?);
        let (lies, people, substances) = (Piece::read(read)?, Piece::read(read)?, Piece::read(read)?);
        Ok(Self { id, name, kind, lies, people, substances })
    }
}

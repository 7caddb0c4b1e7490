//! The receipt: a PDF with embedded fonts, so that it reads the same everywhere.

use krilla::{
    Document,
    color::rgb,
    geom::{PathBuilder, Point, Rect},
    metadata::Metadata,
    page::PageSettings,
    paint::Fill,
    surface::Surface,
    text::{Font, TextDirection},
};
use lambda_runtime::Error;
use shared::domain::{event::Line, order::Order, personal::OrderDetails};

use crate::letter::address_lines;

static TEXT: &[u8] = include_bytes!("../fonts/DejaVuSans.ttf");
static NUMBERS: &[u8] = include_bytes!("../fonts/DejaVuSansMono.ttf");

/// A4, in points.
const WIDTH: f32 = 595.0;
const HEIGHT: f32 = 842.0;
const LEFT: f32 = 56.0;
const RIGHT: f32 = WIDTH - 56.0;
const LAST_LINE: f32 = HEIGHT - 110.0;
/// The width of every character of the monospaced font, as a part of its size: amounts are set flush right with it.
const MONO_ADVANCE: f32 = 1233.0 / 2048.0;
/// Longer names would run into the amounts.
const LONGEST_NAME: usize = 46;

const INK: [u8; 3] = [21, 38, 42];
const FAINT: [u8; 3] = [77, 97, 102];
const BRAND: [u8; 3] = [11, 107, 96];

struct Fonts {
    text: Font,
    numbers: Font,
}

/// The receipt of this order.
///
/// # Errors
/// When the PDF cannot be made.
pub fn pdf(order: &Order, details: &OrderDetails) -> Result<Vec<u8>, Error> {
    let font = |data: &'static [u8]| Font::new(data.into(), 0).ok_or("an embedded font cannot be read");
    let fonts = Fonts { text: font(TEXT)?, numbers: font(NUMBERS)? };
    let mut document = Document::new();
    document.set_metadata(Metadata::new().title(format!("Receipt {}", order.id)).language("en".into()));

    let mut lines = order.placed.items.as_slice();
    let mut is_first = true;
    loop {
        let settings = PageSettings::from_wh(WIDTH, HEIGHT).ok_or("the page has no size")?;
        let mut page = document.start_page_with(settings);
        let rest = fill(&mut Sheet { surface: page.surface(), fonts: &fonts }, order, details, lines, is_first)?;
        page.finish();
        if rest.is_empty() {
            return document.finish().map_err(|error| format!("the receipt cannot be made: {error:?}").into());
        }
        lines = rest;
        is_first = false;
    }
}

/// Fills one page; answers the lines that did not fit.
fn fill<'l>(
    sheet: &mut Sheet<'_>,
    order: &Order,
    details: &OrderDetails,
    mut lines: &'l [Line],
    is_first: bool,
) -> Result<&'l [Line], Error> {
    let mut y = if is_first { sheet.head(order, details) } else { 80.0 };
    while let Some((line, rest)) = lines.split_first()
        && y < LAST_LINE
    {
        sheet.line(y, line)?;
        y += 34.0;
        lines = rest;
    }
    if lines.is_empty() {
        sheet.total(y, order);
    }
    Ok(lines)
}

/// A line's parts that are read in one direction, each of which is set on a line of its own: text is set here in one
/// direction at a time, and a line that mixes two would have one of them backwards.
pub fn one_way_runs(line: &str) -> Vec<String> {
    let right_to_left = |word: &str| {
        let hebrew_or_arabic =
            |letter: char| matches!(letter, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{feff}');
        word.chars().any(hebrew_or_arabic)
    };
    let mut runs: Vec<(bool, String)> = Vec::new();
    for word in line.split_whitespace() {
        match runs.last_mut() {
            Some((direction, run)) if *direction == right_to_left(word) => {
                run.push(' ');
                run.push_str(word);
            }
            _ => runs.push((right_to_left(word), word.to_owned())),
        }
    }
    runs.into_iter().map(|(_, run)| run).collect()
}

struct Sheet<'p> {
    surface: Surface<'p>,
    fonts: &'p Fonts,
}

impl Sheet<'_> {
    fn ink(&mut self, [red, green, blue]: [u8; 3]) {
        self.surface.set_fill(Some(Fill { paint: rgb::Color::new(red, green, blue).into(), ..Fill::default() }));
    }

    fn write(&mut self, x: f32, y: f32, size: f32, colour: [u8; 3], text: &str) {
        self.ink(colour);
        self.surface.draw_text(Point::from_xy(x, y), self.fonts.text.clone(), size, text, false, TextDirection::Auto);
    }

    fn amount(&mut self, y: f32, size: f32, colour: [u8; 3], text: &str) {
        #[expect(clippy::cast_precision_loss, reason = "an amount has a few characters")]
        let width = text.chars().count() as f32 * MONO_ADVANCE * size;
        self.ink(colour);
        let start = Point::from_xy(RIGHT - width, y);
        self.surface.draw_text(start, self.fonts.numbers.clone(), size, text, false, TextDirection::LeftToRight);
    }

    fn rule(&mut self, y: f32, thickness: f32, colour: [u8; 3]) {
        self.ink(colour);
        let mut path = PathBuilder::new();
        if let Some(bar) = Rect::from_xywh(LEFT, y, RIGHT - LEFT, thickness) {
            path.push_rect(bar);
        }
        if let Some(path) = path.finish() {
            self.surface.draw_path(&path);
        }
    }

    /// Who, what and when; answers where the lines begin.
    fn head(&mut self, order: &Order, details: &OrderDetails) -> f32 {
        self.write(LEFT, 84.0, 26.0, BRAND, "Souk");
        self.write(LEFT, 128.0, 17.0, INK, "Receipt");
        self.write(LEFT, 150.0, 9.0, FAINT, &format!("Order {}", order.id));
        self.write(LEFT, 164.0, 9.0, FAINT, &format!("Placed {}", order.placed_at.strftime("%-d %B %Y, %H:%M UTC")));
        let mut y = 196.0;
        for line in address_lines(details) {
            for run in one_way_runs(&line) {
                self.write(LEFT, y, 10.0, INK, &run);
                y += 15.0;
            }
        }
        self.rule(y + 8.0, 1.0, BRAND);
        y + 34.0
    }

    fn line(&mut self, y: f32, line: &Line) -> Result<(), Error> {
        let name = if line.name.chars().count() > LONGEST_NAME {
            format!("{}…", line.name.chars().take(LONGEST_NAME - 1).collect::<String>())
        } else {
            line.name.clone()
        };
        let amount = line.unit_price.times(line.quantity).map_err(|error| error.to_string())?;
        self.write(LEFT, y, 11.0, INK, &name);
        self.write(LEFT, y + 13.0, 8.5, FAINT, &format!("{} × {}", line.quantity, line.unit_price));
        self.amount(y, 10.5, INK, &amount.to_string());
        Ok(())
    }

    fn total(&mut self, y: f32, order: &Order) {
        self.rule(y - 8.0, 0.6, FAINT);
        self.write(LEFT, y + 18.0, 12.0, INK, "Total");
        self.amount(y + 18.0, 12.0, INK, &order.placed.total.to_string());
    }
}

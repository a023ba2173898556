//! The numbering plans of countries: how long mobile numbers are, and which prefix people dial before them at home.
//!
//! The lengths and trunk prefixes are those of Google's libphonenumber 9.0 (Apache-2.0), as facts in a table. The crate
//! `phonenumber` has them too, but would bring a dozen crates, a global lock around its regular expressions, and checks of
//! assigned ranges, which refuse the number of the documented example (1234567890). Lengths change once in a decade.

use crate::domain::CallingCode;

/// What a country's mobile numbers look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NumberingPlan {
    code: CallingCode,
    /// Dialed before a number at home, and no part of it.
    trunk: &'static str,
    /// How many digits a number has after the calling code.
    lengths: &'static [u8],
}

impl NumberingPlan {
    /// The plan of a country. A calling code of no known plan has numbers of 7 to 12 digits.
    pub(crate) fn of(code: CallingCode) -> NumberingPlan {
        match PLANS.binary_search_by_key(&code.digits(), |(code, ..)| *code) {
            Ok(place) => NumberingPlan { code, trunk: PLANS[place].1, lengths: PLANS[place].2 },
            Err(_) => NumberingPlan { code, trunk: "0", lengths: &[7, 8, 9, 10, 11, 12] },
        }
    }

    /// The plan that a number in international form begins with the calling code of, and the digits after it. No calling
    /// code begins with another, so one fits at most.
    pub(crate) fn split(digits: &str, home: CallingCode) -> Option<(NumberingPlan, &str)> {
        let known = |code: &CallingCode| *code == home || PLANS.iter().any(|(known, ..)| *known == code.digits());
        (1..=3).find_map(|length| {
            let code = CallingCode::parse(digits.get(..length)?).ok().filter(known)?;
            Some((NumberingPlan::of(code), digits.get(length..)?))
        })
    }

    /// A number of this country in international form, without a `+`. A trunk prefix before it is left out.
    pub(crate) fn full(self, national: &str) -> Option<String> {
        let fits = |digits: &&str| self.lengths.iter().any(|length| usize::from(*length) == digits.len());
        let without_trunk = || national.strip_prefix(self.trunk).filter(|_| !self.trunk.is_empty());
        let digits = if self.trunk.starts_with('0') {
            // No national number begins with such a prefix, also where it would have a length of the country with it.
            without_trunk().or(Some(national)).filter(fits).filter(|digits| !digits.starts_with(self.trunk))?
        } else {
            Some(national).filter(fits).or_else(|| without_trunk().filter(fits))?
        };
        let code = self.code.digits();
        if code == ARGENTINA && digits.len() == 10 {
            return Some(format!("{code}9{digits}"));
        }
        if code == ARGENTINA && !digits.starts_with('9') {
            return None;
        }
        Some(format!("{code}{digits}"))
    }

    /// Its calling code.
    pub(crate) fn code(self) -> CallingCode {
        self.code
    }

    /// The lengths, for people: "10", "9 or 11".
    pub(crate) fn lengths(self) -> String {
        self.lengths.iter().map(u8::to_string).collect::<Vec<_>>().join(" or ")
    }
}

/// A mobile number of Argentina has a 9 before its ten digits, which people leave out.
const ARGENTINA: u16 = 54;

/// Calling code, trunk prefix, and the lengths of mobile numbers after the code. Countries whose numbers are shorter than
/// 10 digits with the code are left out.
#[rustfmt::skip]
const PLANS: &[(u16, &str, &[u8])] = &[
    (1, "1", &[10]),
    (7, "8", &[10]),
    (20, "0", &[10]),
    (27, "0", &[8, 9]),
    (30, "", &[10]),
    (31, "0", &[9, 11]),
    (32, "0", &[9]),
    (33, "0", &[9]),
    (34, "", &[9]),
    (36, "06", &[9]),
    (39, "", &[9, 10]),
    (40, "0", &[9]),
    (41, "0", &[9]),
    (43, "0", &[8, 9, 10, 11, 12, 13]),
    (44, "0", &[10]),
    (45, "", &[8]),
    (46, "0", &[9]),
    (47, "", &[8]),
    (48, "", &[9]),
    (49, "0", &[10, 11]),
    (51, "0", &[9]),
    (52, "", &[10]),
    (53, "0", &[8]),
    (54, "0", &[10, 11]),
    (55, "0", &[10, 11]),
    (56, "", &[9]),
    (57, "0", &[10]),
    (58, "0", &[10]),
    (60, "0", &[9, 10]),
    (61, "0", &[9]),
    (62, "0", &[9, 10, 11, 12]),
    (63, "0", &[10]),
    (64, "0", &[8, 9, 10]),
    (65, "", &[8]),
    (66, "0", &[9]),
    (81, "0", &[10]),
    (82, "0", &[9, 10]),
    (84, "0", &[9]),
    (86, "0", &[11]),
    (90, "0", &[10]),
    (91, "0", &[10]),
    (92, "0", &[10]),
    (93, "0", &[9]),
    (94, "0", &[9]),
    (95, "0", &[8, 9, 10]),
    (98, "0", &[10]),
    (211, "0", &[9]),
    (212, "0", &[9]),
    (213, "0", &[9]),
    (216, "", &[8]),
    (218, "0", &[9]),
    (220, "", &[7]),
    (221, "", &[9]),
    (222, "", &[8]),
    (223, "", &[8]),
    (224, "", &[9]),
    (225, "", &[10]),
    (226, "", &[8]),
    (227, "", &[8]),
    (228, "", &[8]),
    (229, "", &[10]),
    (230, "", &[8]),
    (231, "0", &[7, 9]),
    (232, "0", &[8]),
    (233, "0", &[9]),
    (234, "0", &[10]),
    (235, "", &[8]),
    (236, "", &[8]),
    (237, "", &[9]),
    (238, "", &[7]),
    (239, "", &[7]),
    (240, "", &[9]),
    (241, "", &[7, 8]),
    (242, "", &[9]),
    (243, "0", &[7, 9]),
    (244, "", &[9]),
    (245, "", &[9]),
    (246, "", &[7]),
    (248, "", &[7]),
    (249, "0", &[9]),
    (250, "0", &[9]),
    (251, "0", &[9]),
    (252, "0", &[7, 8, 9]),
    (253, "", &[8]),
    (254, "0", &[9]),
    (255, "0", &[9]),
    (256, "0", &[9]),
    (257, "", &[8]),
    (258, "", &[9]),
    (260, "0", &[9]),
    (261, "0", &[9]),
    (262, "0", &[9]),
    (263, "0", &[9]),
    (264, "0", &[9]),
    (265, "0", &[9]),
    (266, "", &[8]),
    (267, "", &[8]),
    (268, "", &[8]),
    (269, "", &[7]),
    (291, "0", &[7]),
    (297, "", &[7]),
    (350, "", &[8]),
    (351, "", &[9]),
    (352, "", &[9]),
    (353, "0", &[9]),
    (354, "", &[7, 9]),
    (355, "0", &[9]),
    (356, "", &[8]),
    (357, "", &[8]),
    (358, "0", &[7, 8, 9, 10]),
    (359, "0", &[8, 9]),
    (370, "0", &[8]),
    (371, "", &[8]),
    (372, "", &[7, 8]),
    (373, "0", &[8]),
    (374, "0", &[8]),
    (375, "8", &[9]),
    (376, "", &[9]),
    (377, "0", &[8, 9]),
    (378, "", &[8]),
    (380, "0", &[9]),
    (381, "0", &[8, 9, 10]),
    (382, "0", &[8]),
    (383, "0", &[8]),
    (385, "0", &[8, 9]),
    (386, "0", &[8]),
    (387, "0", &[8, 9]),
    (389, "0", &[8]),
    (420, "", &[9]),
    (421, "0", &[9]),
    (423, "0", &[7, 9]),
    (501, "", &[7]),
    (502, "", &[8]),
    (503, "", &[8]),
    (504, "", &[8]),
    (505, "", &[8]),
    (506, "", &[8]),
    (507, "", &[7, 8]),
    (508, "0", &[9]),
    (509, "", &[8]),
    (590, "0", &[9]),
    (591, "0", &[8]),
    (592, "", &[7]),
    (593, "0", &[9]),
    (594, "0", &[9]),
    (595, "0", &[9]),
    (596, "0", &[9]),
    (597, "", &[7]),
    (598, "0", &[8]),
    (599, "", &[7, 8]),
    (670, "", &[8]),
    (673, "", &[7]),
    (674, "", &[7]),
    (675, "", &[8]),
    (676, "", &[7]),
    (677, "", &[7]),
    (678, "", &[7]),
    (679, "", &[7]),
    (680, "", &[7]),
    (683, "", &[7]),
    (685, "", &[7, 10]),
    (686, "0", &[8]),
    (688, "", &[7]),
    (689, "", &[8]),
    (690, "", &[7]),
    (691, "", &[7]),
    (692, "1", &[7]),
    (850, "0", &[10]),
    (852, "", &[8]),
    (853, "", &[8]),
    (855, "0", &[8, 9]),
    (856, "0", &[9, 10]),
    (880, "0", &[10]),
    (886, "0", &[9]),
    (960, "", &[7]),
    (961, "0", &[7, 8]),
    (962, "0", &[9]),
    (963, "0", &[9]),
    (964, "0", &[10]),
    (965, "", &[8]),
    (966, "0", &[9]),
    (967, "0", &[9]),
    (968, "", &[8]),
    (970, "0", &[9]),
    (971, "0", &[9]),
    (972, "0", &[9]),
    (973, "", &[8]),
    (974, "", &[8]),
    (975, "", &[8]),
    (976, "0", &[8]),
    (977, "0", &[10]),
    (992, "", &[9]),
    (993, "8", &[8]),
    (994, "0", &[9]),
    (995, "0", &[9]),
    (996, "0", &[9]),
    (998, "", &[9]),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::PhoneNumber;

    #[test]
    fn the_plans_are_in_order_and_no_code_begins_with_another() {
        assert!(PLANS.is_sorted_by(|one, next| one.0 < next.0));
        for (code, ..) in PLANS {
            let code = code.to_string();
            let begins = |other: &&(u16, &str, &[u8])| other.0.to_string().starts_with(&code);
            assert_eq!(PLANS.iter().filter(begins).count(), 1, "{code}");
        }
    }

    #[test]
    fn every_country_s_number_is_one_with_and_without_its_trunk_prefix() {
        for (code, trunk, lengths) in PLANS {
            let code = code.to_string();
            let (plan, home) = (NumberingPlan::of(CallingCode::parse(&code).unwrap()), CallingCode::INDIA);
            for length in *lengths {
                for first in '1'..='9' {
                    let national: String =
                        std::iter::once(first).chain("234567890123".chars()).take((*length).into()).collect();
                    if code == "54" && *length == 11 && first != '9' {
                        continue;
                    }
                    let one = plan.full(&national).unwrap_or_else(|| panic!("+{code} {national}"));
                    // With 1 or 8 before it, a number of one length has another.
                    assert_eq!(
                        plan.full(&format!("{trunk}{national}")).as_ref(),
                        Some(&one),
                        "+{code} {trunk}{national}"
                    );
                    if one.len() < 10 {
                        continue;
                    }
                    for text in [
                        format!("+{code}{national}"),
                        format!("+{code}{trunk}{national}"),
                        format!("+{code} ({trunk}){national}"),
                        format!("00{code} {trunk}{national}"),
                        format!("+{one}"),
                    ] {
                        let parsed =
                            PhoneNumber::parse(&text, home).unwrap_or_else(|rule| panic!("{text}: {}", rule.must));
                        assert_eq!(parsed.as_str(), format!("+{one}"), "{text}");
                    }
                }
                if trunk.starts_with('0') {
                    let twice = format!("{trunk}{trunk}1234567890123");
                    assert_eq!(plan.full(&twice[..usize::from(*length)]), None, "+{code} {twice}");
                }
            }
        }
        let full = |code, national| NumberingPlan::of(CallingCode::parse(code).unwrap()).full(national);
        assert_eq!(full("49", "01719661487").as_deref(), Some("491719661487"));
        for (code, national) in [("225", "0708123456"), ("242", "066123456"), ("39", "0612345678")] {
            assert_eq!(full(code, national), Some(format!("{code}{national}")), "numbers of +{code} do begin with 0");
        }
        for national in ["1123456789", "91123456789", "01123456789", "091123456789"] {
            assert_eq!(full("54", national).as_deref(), Some("5491123456789"), "{national}");
        }
    }

    #[test]
    fn a_trunk_prefix_is_left_out_and_other_lengths_are_refused() {
        let full = |code, national| NumberingPlan::of(CallingCode::parse(code).unwrap()).full(national);
        assert_eq!(full("91", "9876543210").as_deref(), Some("919876543210"));
        assert_eq!(full("91", "09876543210").as_deref(), Some("919876543210"));
        assert_eq!(full("7", "89161234567").as_deref(), Some("79161234567"));
        assert_eq!(full("36", "06201234567").as_deref(), Some("36201234567"));
        assert_eq!(full("39", "3123456789").as_deref(), Some("393123456789"), "Italy drops no zero");
        for national in ["987654321", "98765432101", "919876543210", "009876543210", ""] {
            assert_eq!(full("91", national), None, "{national}");
        }
    }
}

//! The database's address, for people.

/// `postgres://user:********@host1,host2/db?password=********`
pub(crate) fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (rest, query) = rest.rsplit_once('?').map_or((rest, None), |(rest, query)| (rest, Some(query)));
    let rest = match rest.rsplit_once('@') {
        Some((credentials, hosts)) => {
            let user = credentials.split_once(':').map(|(user, _)| format!("{user}:********"));
            format!("{}@{hosts}", user.unwrap_or_else(|| credentials.to_owned()))
        }
        None => rest.to_owned(),
    };
    let Some(query) = query else { return format!("{scheme}://{rest}") };
    let pairs = query.split('&').map(|pair| match pair.split_once('=') {
        Some(("password", _)) => "password=********".to_owned(),
        _ => pair.to_owned(),
    });
    format!("{scheme}://{rest}?{}", pairs.collect::<Vec<_>>().join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_several_hosts_is_shown_without_its_password_wherever_that_stands() {
        for (address, shown) in [
            ("postgres://u:se@same@h1:5432,h2:5432/d?a=b", "postgres://u:********@h1:5432,h2:5432/d?a=b"),
            ("postgres://h1,h2/d?user=u&password=sesame", "postgres://h1,h2/d?user=u&password=********"),
            ("postgres://u@%2Ftmp%2Fpg/d", "postgres://u@%2Ftmp%2Fpg/d"),
            ("sqlite:/srv/purser.db", "sqlite:/srv/purser.db"),
        ] {
            assert_eq!(without_password(address), shown);
        }
    }
}

//! Operators and products: what is sold, what is refused by name, and where the money goes.

use purser_charge::Connector;
use purser_testkit::{TestDb, both};
use serde_json::{Value, json};

use super::ResellerSite;
use crate::browser::Browser;

const OPERATORS: &str = "/admin/charge/operators/do/";
const PRODUCTS: &str = "/admin/charge/products/do/";

/// A seller with credit, staff in the console, and an operator with two products.
struct Market {
    works: ResellerSite,
    seller: String,
    asha: Browser,
    operator: String,
    /// 10.00 to 500.00 at 96 percent.
    range: String,
}

/// The object that the page after an action leads to.
fn made(page: &str, resource: &str) -> String {
    let path = format!("/admin/charge/{resource}/");
    let mut links = page.split(&path).skip(1).filter_map(|rest| rest.split('/').next());
    links.find(|id| id.len() == 36).expect("a link to what was made").to_owned()
}

impl Market {
    async fn open(db: &TestDb) -> Self {
        let works = ResellerSite::open(db).await;
        let seller = works.seller(json!({ "name": "Corner Shop" })).await;
        works.give(&seller, "1000").await;
        works.place.person("asha", "superuser", "").await;
        let mut asha = works.place.signed_in("asha").await;
        let fields = [("action", "create"), ("name", "Airtel"), ("prefixes", "9810 +919811, 98")];
        let operator = made(&asha.submit(OPERATORS, &fields).await, "operators");
        let product = async |asha: &mut Browser, name: &str, low: &str, high: &str, cost: &str| {
            let fields = [
                ("action", "create"),
                ("operator_id", operator.as_str()),
                ("name", name),
                ("low", low),
                ("high", high),
                ("cost", cost),
            ];
            made(&asha.submit(PRODUCTS, &fields).await, "products")
        };
        let range = product(&mut asha, "Top-up", "10", "500", "96").await;
        product(&mut asha, "Pack 49", "49", "49", "90").await;
        Market { works, seller, asha, operator, range }
    }

    async fn price(&mut self, product: &str, price: &str) -> (u16, String) {
        let seller = self.seller.clone();
        let fields = [("action", "set-price"), ("id", seller.as_str()), ("product", product), ("price", price)];
        let page = self.asha.post("/admin/charge/sellers/do/", &fields).await;
        (page.status, page.text)
    }

    async fn try_sell(&self, number: &str, amount: &str) -> (u16, Value) {
        let path = format!("/api/sellers/{}/sell_charge/", self.seller);
        self.works.staff.post(&path, json!({ "phone_number": number, "amount": amount })).await
    }

    async fn balance(&self, path: &str) -> i64 {
        let path = purser_ledger::AccountPath::new(path).unwrap();
        let found = self.works.place.db.read(move |tx| purser_ledger::account_by_path(tx, &path)).await.unwrap();
        found.map_or(0, |account| account.balance.minor())
    }
}

both! {
    async fn a_sale_pays_its_operator_its_margin_and_no_more(db: TestDb) {
        let mut market = Market::open(&db).await;
        let range = market.range.clone();
        assert_eq!(market.price(&range, "97.5").await.0, 303);
        let sale = market.works.sell(&market.seller, "9810000001", "100.00").await;
        let (_, told) = market.works.staff.get(&format!("/api/charge-transactions/{sale}/")).await;
        assert_eq!((told["amount"].to_string(), told["price"].to_string(), told["credit_after"].to_string()), ("100.0".into(), "97.5".into(), "902.5".into()), "{told}");
        assert_eq!((market.balance("charge:phone:+919810000001").await, market.balance("charge:margin").await), (9_600, 150));
        market.works.books_agree().await;
        let fixed = market.works.sell(&market.seller, "9810000001", "49").await;
        assert_eq!((market.balance("charge:phone:+919810000001").await, market.balance("charge:margin").await), (14_010, 640), "the fixed product, at its full price");
        let plain = market.works.sell(&market.seller, "9500000000", "12.34").await;
        let (_, told) = market.works.staff.get(&format!("/api/charge-transactions/{plain}/")).await;
        assert!(told.get("price").is_none(), "nobody's number is sold as ever: {told}");
        let (_, sales) = market.works.staff.get(&format!("/api/sellers/{}/get_charge_sales/?limit=2", market.seller)).await;
        let (_, by_number) = market.works.staff.get("/api/charge-transactions/?phone_number=9810000001").await;
        let ids = |list: &Value| list.as_array().unwrap().iter().map(|sale| sale["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
        assert_eq!(ids(&sales), [plain.clone(), fixed.clone()]);
        assert_eq!(ids(&by_number), [fixed.clone(), sale.clone()]);
        let (_, first) = market.works.staff.get(&format!("/api/charge-transactions/?seller_id={}", market.seller)).await;
        assert_eq!(ids(&first), [plain, fixed, sale.clone()], "each sale once, whatever it moved");
        let (_, day) = market.works.staff.get(&format!("/api/sellers/{}/statement/", market.seller)).await;
        assert_eq!((day["sales"].to_string(), day["sold"].to_string()), ("3".into(), "158.84".into()));
        let reverse = format!("/api/charge-transactions/{sale}/reverse/");
        assert_eq!(market.works.staff.post(&reverse, json!({ "reason": "wrong" })).await.0, 200);
        assert_eq!((market.balance("charge:phone:+919810000001").await, market.balance("charge:margin").await), (4_410, 490));
        market.works.books_agree().await;
        let home = market.asha.page("/admin/").await;
        assert!(home.contains("The books agree") && home.contains("Failure rate by operator") && home.contains("Airtel"), "{home}");
    }

    async fn a_sale_that_nothing_fits_is_refused_by_name_and_a_stopped_operator_sells_nothing(db: TestDb) {
        let mut market = Market::open(&db).await;
        for amount in ["9.99", "500.01"] {
            let (status, told) = market.try_sell("9810000001", amount).await;
            assert_eq!((status, told["code"].as_str()), (400, Some("no_product")), "{told}");
            assert!(told["detail"].as_str().unwrap().contains("Airtel"), "{told}");
        }
        let file = "phone_number,amount\n9810000001,9.99\n".as_bytes().to_vec();
        let path = format!("/api/sellers/{}/sales/import/", market.seller);
        let (_, told) = market.works.staff.raw(&path, "text/csv", file).await;
        assert!(told["rows"][0]["errors"][0].as_str().unwrap().contains("Airtel"), "{told}");
        let fields = [("action", "create"), ("name", "Jio"), ("prefixes", "98100")];
        let jio = made(&market.asha.submit(OPERATORS, &fields).await, "operators");
        let (_, told) = market.try_sell("9810000001", "20").await;
        assert!(told["detail"].as_str().unwrap().contains("Jio"), "the longest prefix wins: {told}");
        assert_eq!(market.try_sell("9811000001", "20").await.0, 200);
        let taken = market.asha.post(OPERATORS, &[("action", "edit"), ("id", &jio), ("name", "Jio"), ("prefixes", "9811")]).await;
        assert!(taken.status == 409 && taken.text.contains("that of Airtel"), "{}", taken.text);
        let operator = market.operator.clone();
        assert!(market.asha.submit(OPERATORS, &[("action", "stop"), ("id", &operator)]).await.contains("cannot be sold to"));
        let (status, told) = market.try_sell("9811000001", "20").await;
        assert_eq!((status, told["code"].as_str()), (400, Some("operator_stopped")), "{told}");
        assert_eq!(market.works.credit(&market.seller).await, "980.0");
        market.works.books_agree().await;
    }

    async fn no_price_falls_below_what_the_operator_takes(db: TestDb) {
        let mut market = Market::open(&db).await;
        let range = market.range.clone();
        let (status, text) = market.price(&range, "95.99").await;
        assert!(status == 400 && text.contains("95.99%") && text.contains("96.00%"), "{status} {text}");
        for wrong in ["0", "150.01", "97.505", "-1", "x"] {
            assert_eq!(market.price(&range, wrong).await.0, 400, "{wrong}");
        }
        assert_eq!(market.price(&range, "97").await.0, 303);
        let raised = [("action", "edit"), ("id", range.as_str()), ("name", "Top-up"), ("low", "10"), ("high", "500"), ("cost", "97.01")];
        let refused = market.asha.post(PRODUCTS, &raised).await;
        assert!(refused.status == 400 && refused.text.contains("Corner Shop would pay 97.00%"), "{}", refused.text);
        let (seller, page) = (market.seller.clone(), "/admin/charge/sellers/");
        assert!(market.asha.page(&format!("{page}{seller}/")).await.contains("97.00%"));
        assert_eq!(market.price(&range, "").await.0, 303, "all of the amount again");
        assert_eq!(market.asha.post(PRODUCTS, &raised).await.status, 303);
    }

    async fn a_sale_that_waits_for_its_operator_holds_the_price_and_settles_it(db: TestDb) {
        let mut market = Market::open(&db).await;
        let range = market.range.clone();
        assert_eq!(market.price(&range, "98").await.0, 303);
        let app = purser_charge::app(&market.works.place.context, purser_charge::Settings::standard(), Connector::Simulator);
        let app = std::sync::Arc::new(app);
        let (now, seed) = market.works.place.context.stamp();
        let file = "seller,phone_number,amount\nCorner Shop,9810000001,100\nCorner Shop,9810000090,200\n";
        let done = db.write(move |tx| {
            let mut cx = purser_kit::console::RequestContext::new(now, "user:test".to_owned(), seed, seed);
            let import = &app.console.imports[0];
            let id = (import.check)(tx, &mut cx, file.as_bytes())?;
            (import.commit)(tx, &mut cx, id, &purser_kit::console::Progress::default())
        });
        done.await.unwrap();
        assert_eq!(market.works.credit(&market.seller).await, "706.0", "98 and 196 are held");
        super::worker(&db, &market.works.place, Connector::Simulator).run_due_once().await.unwrap();
        assert_eq!(market.works.credit(&market.seller).await, "902.0");
        assert_eq!((market.balance("charge:phone:+919810000001").await, market.balance("charge:margin").await), (9_600, 200));
        market.works.books_agree().await;
        let (_, sales) = market.works.staff.get(&format!("/api/sellers/{}/get_charge_sales/?limit=1", market.seller)).await;
        assert_eq!(sales.as_array().unwrap().len(), 1);
    }
}

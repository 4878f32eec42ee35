package collection_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/collection"
	"github.com/middb/middb/engine"
	"github.com/middb/middb/vfs"
)

// What docs/tables.md shows; a test in cmd/middb compares.
func Example_guide() {
	db, err := engine.Spawn(engine.Config{Dir: "/db", FS: vfs.NewMem()})
	check(err)
	defer db.Close()
	ctx := context.Background()
	check(makeTables(ctx, db))
	check(fill(db))
	check(read(db))
	check(order(ctx, db))
	check(indexes(ctx, db))
	check(alter(ctx, db))
	check(keepOrders(ctx, db))
	check(db.VerifyTables(ctx, func(f engine.Finding) bool {
		fmt.Println(f)
		return true
	}))
	// Output:
	// tea has the number 1
	// products_name_key [name] [tea]
	// tea 4.50 3
	// tea 4.50
	// cup 7.00
	// there is not enough tea
	// 2 of about 2 rows
	// 2 of product 2
}

func makeTables(ctx context.Context, db *engine.DB) error {
	products, err := catalog.NewTable("products").
		Column("id", "BIGINT", catalog.GeneratedByDefault).
		Column("name", "VARCHAR(80)", catalog.NotNull).
		Column("price", "DECIMAL(10,2)", catalog.NotNull).
		Column("stock", "INT", catalog.NotNull, catalog.Default("0")).
		Column("added", "TIMESTAMPTZ", catalog.Default("now()")).
		PrimaryKey("id").
		Unique("name").
		Index("by_price", "price DESC", "name").
		NamedCheck("price_is_positive", "price > 0").
		NamedCheck("enough_in_stock", "stock >= 0").
		Build()
	if err != nil {
		return err
	}
	orders, err := catalog.NewTable("orders").
		Column("id", "UUID", catalog.NotNull, catalog.Default("gen_random_uuid()")).
		Column("product", "BIGINT", catalog.NotNull).
		Column("count", "INT", catalog.NotNull).
		PrimaryKey("id").
		Index("by_product", "product").
		ForeignKey([]string{"product"}, "products", nil, catalog.OnDelete(catalog.Cascade)).
		Build()
	if err != nil {
		return err
	}
	return errors.Join(db.RegisterTable(ctx, products), db.RegisterTable(ctx, orders))
}

func fill(db *engine.DB) error {
	products := db.Table("products")
	row, err := products.InsertFields(map[string]any{"name": "tea", "price": "4.50", "stock": 3})
	if err != nil {
		return err
	}
	fmt.Println("tea has the number", row.Value("id"))
	if _, err = products.InsertFields(map[string]any{"name": "cup", "price": 7}); err != nil {
		return err
	}

	_, err = products.InsertFields(map[string]any{"name": "tea", "price": 5})
	var refused *engine.ConstraintError
	if errors.As(err, &refused) {
		fmt.Println(refused.Constraint, refused.Columns, refused.Values)
	}
	return products.UpdateFields([]catalog.Value{catalog.Int(2)}, map[string]any{"stock": 10})
}

func read(db *engine.DB) error {
	row, err := db.Table("products").Get(catalog.Int(1))
	if err != nil {
		return err
	}
	fmt.Println(row.Value("name"), row.Value("price"), row.Value("stock").AsInt())

	// The three cheapest of more than 1: by_price descends, so that what is dear comes first.
	cheap := engine.ScanOptions{
		Columns: []string{"name", "price"},
		Upper:   []catalog.Value{catalog.Int(1)}, UpperExclusive: true,
		Reverse: true, Limit: 3,
	}
	return db.Table("products").ScanIndex("by_price", cheap, func(r engine.Row) bool {
		fmt.Println(r.Value("name"), r.Value("price"))
		return true // go on
	})
}

func order(ctx context.Context, db *engine.DB) error {
	err := db.Update(ctx, func(txn *engine.Txn) error {
		products, err := txn.Table("products")
		if err != nil {
			return err
		}
		orders, err := txn.Table("orders")
		if err != nil {
			return err
		}
		if err := orders.InsertFields(map[string]any{"product": 1, "count": 5}); err != nil {
			return err
		}
		return products.Update([]catalog.Value{catalog.Int(1)}, func(r *engine.Row) error {
			return r.Set("stock", r.Value("stock").AsInt()-5)
		})
	})
	if errors.Is(err, engine.ErrCheck) { // and so there is no order either
		fmt.Println("there is not enough tea")
		return nil
	}
	return err
}

func indexes(ctx context.Context, db *engine.DB) error {
	byStock := engine.IndexDefinition{Name: "by_stock", Columns: []string{"stock", "name"}, Using: catalog.LSM}
	err := db.CreateIndex(ctx, "products", byStock, func(done, total uint64) {
		fmt.Printf("%d of about %d rows\n", done, total)
	})
	if err != nil {
		return err
	}
	return db.DropIndex(ctx, "products", "by_price")
}

func alter(ctx context.Context, db *engine.DB) error {
	return db.AlterTable(ctx, "products", func(t *catalog.Table) (*catalog.Table, error) {
		t, err := t.AddColumn(catalog.Column{Name: "note", Type: catalog.Type{Kind: catalog.String}, Default: "'none'"})
		if err != nil {
			return nil, err
		}
		return t.WidenType("name", catalog.Type{Kind: catalog.String})
	})
}

// An Order is a row of the table orders, which is there already.
type Order struct {
	ID      [16]byte `db:"id,primarykey,default=gen_random_uuid()"`
	Product int64    `db:"product,index=by_product,references=products,ondelete=cascade"`
	Count   int      `db:"count"`
	Gift    *string  `db:"gift"` // Open adds this column
}

func keepOrders(ctx context.Context, db *engine.DB) error {
	orders, err := collection.Open[Order](ctx, db, "orders")
	if err != nil {
		return err
	}
	o := Order{Product: 2, Count: 1}
	if err := orders.Insert(&o); err != nil {
		return err
	}
	err = orders.Update(o.ID, func(o *Order) error {
		o.Count++
		return nil
	})
	if err != nil {
		return err
	}
	for o, err := range orders.By("by_product", 2) {
		if err != nil {
			return err
		}
		fmt.Printf("%d of product %d\n", o.Count, o.Product)
	}
	return nil
}

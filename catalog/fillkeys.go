package catalog

import "github.com/middb/middb/key"

// fillKeys decodes what comes from primary keys.
func (d *VectorDecoder) fillKeys() error {
	if len(d.rows.table.PrimaryKey) == 0 {
		return d.fillIDs()
	}
	steps := d.rows.keys
	short := len(steps) == 1 && len(steps[0].out) == 1 && steps[0].order == 0 && d.types[steps[0].out[0]].Kind == Int64
	var ints []int64
	if short {
		ints = d.columns[steps[0].out[0]].Ints[d.n:][:len(d.bodies)]
	}
	for i := range d.bodies {
		k := d.keys[d.bodies[i].row]
		if short {
			var size int
			if ints[i], size = key.LeadingInt(k); size > 0 {
				continue
			}
		}
		tuple := key.NewTuple(k)
		for j := range steps {
			s := &steps[j]
			v := takeValue(&tuple, d.rows.table.Columns[s.column].Type, s.order)
			if len(s.out) > 0 && v.kind.Textual() {
				v.s = d.keep(raw(v.s))
			}
			for _, out := range s.out {
				d.set(out, i, v)
			}
		}
		if tuple.Err() != nil {
			return d.fault(d.bodies[i].row)
		}
	}
	return nil
}

// fillIDs decodes the keys of a table that has no primary key.
func (d *VectorDecoder) fillIDs() error {
	for i := range d.bodies {
		row := d.bodies[i].row
		id, err := DecodeRowID(d.keys[row])
		if err != nil {
			return d.fault(row)
		}
		for out, place := range d.rows.columns {
			if place == RowIDPlace {
				d.columns[out].Ints[d.n+i] = id
			}
		}
	}
	return nil
}

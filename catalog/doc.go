// Package catalog is what a table is: types, values, schemas, and how rows and keys are stored.
package catalog

package dbgen

import "strings"

// The lists of clause 4.2.2.13 and 4.2.3, and of the grammar of clause 4.2.2.14.
var (
	colors = strings.Fields(`almond antique aquamarine azure beige bisque black blanched blue blush brown burlywood
		burnished chartreuse chiffon chocolate coral cornflower cornsilk cream cyan dark deep dim dodger drab firebrick
		floral forest frosted gainsboro ghost goldenrod green grey honeydew hot indian ivory khaki lace lavender lawn
		lemon light lime linen magenta maroon medium metallic midnight mint misty moccasin navajo navy olive orange
		orchid pale papaya peach peru pink plum powder puff purple red rose rosy royal saddle salmon sandy seashell
		sienna sky slate smoke snow spring steel tan thistle tomato turquoise violet wheat white yellow`)

	typeSizes   = strings.Fields("STANDARD SMALL MEDIUM LARGE ECONOMY PROMO")
	typeFinish  = strings.Fields("ANODIZED BURNISHED PLATED POLISHED BRUSHED")
	typeMetals  = strings.Fields("TIN NICKEL BRASS STEEL COPPER")
	boxSizes    = strings.Fields("SM LG MED JUMBO WRAP")
	boxes       = strings.Fields("CASE BOX BAG JAR PKG PACK CAN DRUM")
	segments    = strings.Fields("AUTOMOBILE BUILDING FURNITURE MACHINERY HOUSEHOLD")
	priorities  = []string{"1-URGENT", "2-HIGH", "3-MEDIUM", "4-NOT SPECIFIED", "5-LOW"}
	instructs   = []string{"DELIVER IN PERSON", "COLLECT COD", "NONE", "TAKE BACK RETURN"}
	modes       = []string{"REG AIR", "AIR", "RAIL", "SHIP", "TRUCK", "MAIL", "FOB"}
	regions     = strings.Fields("AFRICA AMERICA ASIA EUROPE")
	nouns       = strings.Fields("foxes ideas theodolites instructions dependencies excuses platelets asymptotes courts dolphins multipliers sauternes warthogs frets dinos attainments somas Tiresias patterns forges braids frays warhorses dugouts notornis epitaphs pearls tithes waters orbits gifts sheaves depths sentiments decoys realms pains grouches escapades requests accounts packages deposits pinto")
	verbs       = strings.Fields("sleep wake are cajole haggle nag use boost affix detect integrate maintain nod was lose sublate solve thrash promise engage hinder print x-ray breach eat grow impress mold poach serve run dazzle snooze doze unwind kindle play hang believe doubt")
	adjectives  = strings.Fields("furious sly careful blithe quick fluffy slow quiet ruthless thin close dogged daring brave stealthy permanent enticing idle busy regular final ironic even bold silent special pending unusual express")
	adverbs     = strings.Fields("sometimes always never furiously slyly carefully blithely quickly fluffily slowly quietly ruthlessly thinly closely doggedly daringly bravely stealthily permanently enticingly idly busily regularly finally ironically evenly boldly silently")
	complaints  = "Customer%sComplaints"
	recommended = "Customer%sRecommends"
)

// nations are the nations with the numbers of their regions.
var nations = []struct {
	name   string
	region int
}{
	{"ALGERIA", 0},
	{"ARGENTINA", 1},
	{"BRAZIL", 1},
	{"CANADA", 1},
	{"EGYPT", 4},
	{"ETHIOPIA", 0},
	{"FRANCE", 3},
	{"GERMANY", 3},
	{"INDIA", 2},
	{"INDONESIA", 2},
	{"IRAN", 4},
	{"IRAQ", 4},
	{"JAPAN", 2},
	{"JORDAN", 4},
	{"KENYA", 0},
	{"MOROCCO", 0},
	{"MOZAMBIQUE", 0},
	{"PERU", 1},
	{"CHINA", 2},
	{"ROMANIA", 3},
	{"SAUDI ARABIA", 4},
	{"VIETNAM", 2},
	{"RUSSIA", 3},
	{"UNITED KINGDOM", 3},
	{"UNITED STATES", 1},
}

// text returns words like those of the grammar, of low to high bytes.
func (r *random) text(low, high int) string {
	n := r.between(low, high)
	var b strings.Builder
	for b.Len() <= n {
		for _, list := range [][]string{adverbs, adjectives, nouns, verbs} {
			b.WriteString(r.one(list))
			b.WriteByte(' ')
		}
	}
	return strings.TrimRight(b.String()[:n], " ")
}

// code returns letters and digits, of low to high bytes.
func (r *random) code(low, high int) string {
	const letters = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ,. "
	b := make([]byte, r.between(low, high))
	for i := range b {
		b[i] = letters[r.between(0, len(letters)-1)]
	}
	return strings.TrimSpace(string(b)) + "x"
}

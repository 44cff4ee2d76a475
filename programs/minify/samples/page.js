#!/usr/bin/env node
/*! license */
// x
var a = 1 /* y */ + +b, c = a ++ + b - - c;
if (x) /re"/.test(y) ; else /[/"]'/g.exec(q)
var o = { a: 1, b: {} } / 2
function f () { return /x"/ }
/y'/.test(z)
var t = `a ${ b + `c ${ { a : 1 } . a }` } // no`
a = b
++c
a = b
(function(){})()
x = 1 .toString() + 1..toFixed() + 1.5 .toFixed()
if (a < ! --b) a < /script/;
class A { #p = 1
 static x
 *gen () { return #p in this }
 static { this . z = 1 }
 get
 y () {}
}
let r = a
/b/g
for (const of of []) ;
label: { break label }
s = "a\
b"

/** Networks whose every tensor role has a format of its own. */
package dev.narrow.amp.nn;

/** The narrow command. */
@NullMarked
package dev.narrow.cli;

import org.jspecify.annotations.NullMarked;

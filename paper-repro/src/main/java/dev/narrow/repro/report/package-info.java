/**
 * Reports to look at: statistics over seeds, tables, plots as SVG, and one {@link
 * dev.narrow.repro.report.Report} written as a web page and as Markdown. The same figures give the
 * same bytes on every machine.
 */
@NullMarked
package dev.narrow.repro.report;

import org.jspecify.annotations.NullMarked;
